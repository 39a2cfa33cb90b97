"""The selective scan of Mamba on any device, with its own backward pass.

h_t = exp(dt_t A) h_{t-1} + dt_t B_t u_t ,  y_t = C_t . h_t + D u_t     (Gu and Dao 2023, arXiv 2312.00752, eq. 2 with
zero-order hold for A and Euler's rule for B, as in the published reference implementation).

The recurrence costs one fused multiply-add a frame in either direction. Work goes in chunks that stay in the
processor's cache; the backward pass recomputes a chunk's states from the state at its start, so that memory grows with
the inputs and not with inputs x states. On a CPU this is faster than a parallel scan (see benchmarks).
"""

import torch

CHUNK_VALUES = 1 << 19


def _expand(u, dt, a, b, initial):
    """Decay factors and states of one chunk.

    Args:
        u, dt: (T, B, E). a: (E, N). b: (T, B, N). initial: (B, E, N).

    Returns:
        decay (T, B, E, N), states (T, B, E, N).
    """
    decay = torch.exp_(dt.unsqueeze(-1) * a)
    states = (dt * u).unsqueeze(-1) * b.unsqueeze(2)
    previous = initial
    for decay_t, state_t in zip(decay.unbind(0), states.unbind(0), strict=True):
        state_t.addcmul_(decay_t, previous)
        previous = state_t
    return decay, states


class _SelectiveScan(torch.autograd.Function):
    """The scan without the skip connection; all tensors have time first."""

    @staticmethod
    def forward(ctx, u, dt, a, b, c, state, chunk):
        y = torch.empty_like(u)
        starts = []
        for begin in range(0, u.shape[0], chunk):
            part = slice(begin, begin + chunk)
            starts.append(state)
            _, states = _expand(u[part], dt[part], a, b[part], state)
            torch.matmul(states, c[part].unsqueeze(-1), out=y[part].unsqueeze(-1))
            state = states[-1].clone()
        ctx.save_for_backward(u, dt, a, b, c, *starts)
        ctx.chunk = chunk
        ctx.mark_non_differentiable(state)
        return y, state

    @staticmethod
    def backward(ctx, grad_y, _):
        u, dt, a, b, c, *starts = ctx.saved_tensors
        grad_y = grad_y.contiguous()
        grad_u, grad_dt = torch.empty_like(u), torch.empty_like(dt)
        grad_b, grad_c = torch.empty_like(b), torch.empty_like(c)
        grad_a = torch.zeros_like(a)
        carry = torch.zeros_like(starts[0]) if starts else None
        for index in range(len(starts) - 1, -1, -1):
            part = slice(index * ctx.chunk, (index + 1) * ctx.chunk)
            decay, states = _expand(u[part], dt[part], a, b[part], starts[index])
            grad_c[part] = (grad_y[part].unsqueeze(-2) @ states).squeeze(-2)
            grad_h = grad_y[part].unsqueeze(-1) * c[part].unsqueeze(2)
            grad_h[-1] += carry
            for t in range(len(grad_h) - 2, -1, -1):
                grad_h[t].addcmul_(decay[t + 1], grad_h[t + 1])
            carry = decay[0] * grad_h[0]
            drive = dt[part] * u[part]
            grad_b[part] = (drive.unsqueeze(-2) @ grad_h).squeeze(-2)
            grad_drive = (grad_h @ b[part].unsqueeze(-1)).squeeze(-1)
            # d loss / d (dt A): the state before each frame times the decay times the state's gradient.
            grad_exponent = grad_h.mul_(decay)
            grad_exponent[1:] *= states[:-1]
            grad_exponent[0] *= starts[index]
            grad_a += (grad_exponent * dt[part].unsqueeze(-1)).sum((0, 1))
            grad_dt[part] = (grad_exponent * a).sum(-1) + grad_drive * u[part]
            grad_u[part] = grad_drive * dt[part]
        return grad_u, grad_dt, grad_a, grad_b, grad_c, None, None


def selective_scan(
    u: torch.Tensor,
    dt: torch.Tensor,
    a: torch.Tensor,
    b: torch.Tensor,
    c: torch.Tensor,
    d: torch.Tensor,
    chunk: int | None = None,
) -> torch.Tensor:
    """Run the scan over a batch of sequences.

    Args:
        u: (B, T, E) inputs.
        dt: (B, T, E) positive step sizes; 0 leaves the state as it is.
        a: (E, N) negative real diagonal.
        b: (B, T, N) input matrices.
        c: (B, T, N) output matrices.
        d: (E,) skip connection.
        chunk: frames expanded at once; None fits them to the cache.

    Returns:
        (B, T, E) outputs.
    """
    return resume_scan(u, dt, a, b, c, d, None, chunk)[0]


def resume_scan(
    u: torch.Tensor,
    dt: torch.Tensor,
    a: torch.Tensor,
    b: torch.Tensor,
    c: torch.Tensor,
    d: torch.Tensor,
    state: torch.Tensor | None,
    chunk: int | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """As `selective_scan`, from a state on, for sequences that come piece by piece.

    Args:
        state: (B, E, N) of the frame before, None for zeros; no gradient goes through it.

    Returns:
        (B, T, E) outputs, and the state (B, E, N) of the last frame.
    """
    if chunk is None:
        chunk = max(8, CHUNK_VALUES // max(1, u.shape[0] * a.numel()))
    if state is None:
        state = u.new_zeros(u.shape[0], u.shape[2], a.shape[1])
    time_first = [x.transpose(0, 1).contiguous() for x in (u, dt, b, c)]
    y, state = _SelectiveScan.apply(time_first[0], time_first[1], a, time_first[2], time_first[3], state, chunk)
    return y.transpose(0, 1) + u * d, state


def reference_scan(u, dt, a, b, c, d) -> torch.Tensor:
    """The defining formula, frame by frame, for tests; arguments as in `selective_scan`."""
    state = u.new_zeros(u.shape[0], u.shape[2], a.shape[1])
    outputs = []
    for t in range(u.shape[1]):
        state = torch.exp(dt[:, t, :, None] * a) * state + dt[:, t, :, None] * b[:, t, None] * u[:, t, :, None]
        outputs.append((state * c[:, t, None]).sum(-1) + d * u[:, t])
    return torch.stack(outputs, 1)


def softplus_inverse(x: torch.Tensor) -> torch.Tensor:
    """y with softplus(y) = x, for the initial step sizes."""
    return x + torch.log(-torch.expm1(-x))
