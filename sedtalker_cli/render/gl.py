"""OpenGL without a window: choosing a platform by trying, one context and one thread for it a process, a few helpers.

A context works in the thread that it was made current in, and nowhere else. So one thread holds it for as long as the
process lives, and `on_drawing_thread` lets any other one draw: films may be made in any thread, and several at once.

Only this module and those of this folder that draw with it know pyrender or OpenGL. pyrender 0.1.45 is
unmaintained and fixes PyOpenGL 3.1.0; the pitfalls of the pair are kept here:
PyOpenGL binds itself to one platform at its first import, so what works is found out through ctypes before;
its OSMesa module lacks the call that makes a modern context; pyrender names `np.infty`, gone in NumPy 2.
"""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from types import ModuleType
from typing import Any, ParamSpec, TypeVar

import numpy as np

from sedtalker_cli.errors import SedtalkerError
from sedtalker_cli.render.libraries import load_triton_first

INSTALL_HINT = (
    "install `libegl1 libgl1 libgl1-mesa-dri` or `libosmesa6` (Debian, Ubuntu), "
    "`mesa-libEGL mesa-dri-drivers` (Fedora) or `mesalib` (conda-forge)"
)


class NoOpenGL(SedtalkerError):
    """This machine has no OpenGL that works without a display."""


_context: Any = None  # the pyrender platform that holds the process's one context
_platform_name: str | None = None
_executor: ThreadPoolExecutor | None = None  # of one thread, in which the context is current
_owner: int | None = None  # the process that has both
_starting = threading.Lock()
_THREAD = "sedtalker drawing"
P, T = ParamSpec("P"), TypeVar("T")

# Constants of the EGL and OSMesa headers, needed before PyOpenGL may be imported.
_EGL_OPENGL_API = 0x30A2
_EGL_PLATFORM_DEVICE = 0x313F
# Surface: pbuffer; blue, green, red 8 bits; depth 24 bits; renderable: OpenGL; end of the list.
_EGL_CONFIG = (*(0x3033, 0x1), *(0x3022, 8), *(0x3023, 8), *(0x3024, 8), *(0x3025, 24), *(0x3040, 0x8), 0x3038)
_EGL_CONTEXT = (0x3098, 4, 0x30FB, 1, 0x30FD, 1, 0x3038)  # version 4.1, core profile, as pyrender asks for
_OSMESA_NAMES = {
    "OSMESA_DEPTH_BITS": 0x30,
    "OSMESA_PROFILE": 0x33,
    "OSMESA_CORE_PROFILE": 0x34,
    "OSMESA_CONTEXT_MAJOR_VERSION": 0x36,
    "OSMESA_CONTEXT_MINOR_VERSION": 0x37,
}


def _load_library(*names: str) -> tuple[ctypes.CDLL, str]:
    """Load the first of `names` that there is.

    Args:
        names: Sonames, or names as of the linker's `-l`.

    Returns:
        The library, and the name by which it was found.

    Raises:
        OSError: None of them can be loaded.
    """
    for name in names:
        candidate = name if ".so" in name else ctypes.util.find_library(name)
        if candidate:
            with contextlib.suppress(OSError):
                return ctypes.CDLL(candidate, mode=ctypes.RTLD_GLOBAL), candidate
    raise OSError(f"{names[0]} not found")


@contextlib.contextmanager
def _importing_pyrender(libraries: dict[str, str]) -> Iterator[None]:
    """Make the first import of PyOpenGL and pyrender work where there is no window system.

    PyOpenGL gets its libraries where they were found, rather than by asking compilers for them; pyrender goes without
    its viewer, whose windows need libGL even where OSMesa draws.

    Args:
        libraries: File name by the linker's name.
    """
    search = ctypes.util.find_library
    ctypes.util.find_library = lambda name: libraries.get(name) or search(name)
    no_viewer = ModuleType("pyrender.viewer")
    no_viewer.Viewer = None  # type: ignore[attr-defined]
    first = "pyrender" not in sys.modules
    if first:
        sys.modules["pyrender.viewer"] = no_viewer
    if not hasattr(np, "infty"):
        np.infty = np.inf  # type: ignore[attr-defined]
    try:
        yield
    finally:
        ctypes.util.find_library = search
        if first:
            sys.modules.pop("pyrender.viewer", None)


def _open_egl() -> Any:
    """Make an EGL context on the first device that gives one; tried without PyOpenGL before.

    Returns:
        pyrender's platform.

    Raises:
        OSError: A library is missing or no device gives a context.
    """
    egl, egl_name = _load_library("libEGL.so.1", "EGL")
    _, gl_name = _load_library("libGL.so.1", "libOpenGL.so.0", "GL")
    index = _probe_egl_devices(egl)
    os.environ["PYOPENGL_PLATFORM"] = "egl"
    with _importing_pyrender({"EGL": egl_name, "GL": gl_name, "GLU": "libGLU.so.1"}):
        from pyrender.platforms.egl import EGLPlatform, get_device_by_index
    return EGLPlatform(16, 16, device=get_device_by_index(index))


def _probe_egl_devices(egl: ctypes.CDLL) -> int:
    """Make and drop a context the way pyrender does, device by device.

    Returns:
        Index of the first device on which it works.

    Raises:
        OSError: There is none.
    """
    pointer = ctypes.c_void_p
    for name in ("eglGetProcAddress", "eglCreateContext"):
        getattr(egl, name).restype = pointer
    query_address = egl.eglGetProcAddress(b"eglQueryDevicesEXT")
    display_address = egl.eglGetProcAddress(b"eglGetPlatformDisplayEXT")
    if not query_address or not display_address:
        raise OSError("libEGL cannot list devices")
    query = ctypes.CFUNCTYPE(ctypes.c_uint, ctypes.c_int, pointer, pointer)(query_address)
    get_display = ctypes.CFUNCTYPE(pointer, ctypes.c_uint, pointer, pointer)(display_address)
    devices, count = (pointer * 16)(), ctypes.c_int(0)
    query(16, ctypes.cast(devices, pointer), ctypes.cast(ctypes.byref(count), pointer))
    configs = (pointer * 1)()
    config_attributes = (ctypes.c_int * len(_EGL_CONFIG))(*_EGL_CONFIG)
    context_attributes = (ctypes.c_int * len(_EGL_CONTEXT))(*_EGL_CONTEXT)
    for index in range(count.value):
        display = pointer(get_display(_EGL_PLATFORM_DEVICE, devices[index], None))
        version, found = ctypes.c_int(0), ctypes.c_int(0)
        if not display or not egl.eglInitialize(display, ctypes.byref(version), ctypes.byref(version)):
            continue
        egl.eglBindAPI(_EGL_OPENGL_API)
        if not egl.eglChooseConfig(display, config_attributes, configs, 1, ctypes.byref(found)) or not found.value:
            continue
        context = pointer(egl.eglCreateContext(display, pointer(configs[0]), None, context_attributes))
        if context:
            egl.eglDestroyContext(display, context)
            return index
    raise OSError("no device gives an OpenGL 4.1 context")


def _open_osmesa() -> Any:
    """Make an OSMesa context.

    Returns:
        pyrender's platform.

    Raises:
        OSError: The library is missing or too old.
    """
    library, name = _load_library("libOSMesa.so.8", "libOSMesa.so.6", "OSMesa")
    if not hasattr(library, "OSMesaCreateContextAttribs"):
        raise OSError(f"{name} is too old")
    os.environ["PYOPENGL_PLATFORM"] = "osmesa"
    with _importing_pyrender({"OSMesa": name, "GL": name, "GLU": "libGLU.so.1"}):
        from OpenGL import osmesa, platform

        # PyOpenGL keeps things by context and cannot hash the pointer that its declaration gives: an address will do.
        platform.GetCurrentContext.restype = ctypes.c_void_p
        if not hasattr(osmesa, "OSMesaCreateContextAttribs"):  # PyOpenGL 3.1.0
            create = library.OSMesaCreateContextAttribs
            create.restype = osmesa.OSMesaContext
            create.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
            osmesa.OSMesaCreateContextAttribs = create
            for constant, value in _OSMESA_NAMES.items():
                setattr(osmesa, constant, value)
        from pyrender.platforms.osmesa import OSMesaPlatform
    return OSMesaPlatform(16, 16)


def _candidates() -> list[str]:
    """Platforms to try: EGL, then OSMesa; only one where something has bound PyOpenGL already."""
    if "OpenGL.platform" in sys.modules:
        bound = type(sys.modules["OpenGL.platform"].PLATFORM).__name__.lower()
        return [name for name in ("egl", "osmesa") if name in bound]
    wish = os.environ.get("PYOPENGL_PLATFORM", "").lower()
    return sorted(("egl", "osmesa"), key=lambda name: name != wish) if wish == "osmesa" else ["egl", "osmesa"]


def on_drawing_thread(function: Callable[P, T]) -> Callable[P, T]:
    """Let a function that calls OpenGL be called from any thread: it runs in the one that holds the context."""

    @wraps(function)
    def call(*arguments: P.args, **named: P.kwargs) -> T:
        if threading.current_thread().name.startswith(_THREAD):
            return function(*arguments, **named)
        return _drawing_thread().submit(function, *arguments, **named).result()

    return call


def _drawing_thread() -> ThreadPoolExecutor:
    """The thread of this process, started when it is first asked for.

    Raises:
        SedtalkerError: This process was forked after the context was made.
    """
    global _executor, _owner
    with _starting:
        if _context is not None and _owner != os.getpid():  # its drawing threads stayed behind: it would wait for ever
            raise SedtalkerError("OpenGL does not outlive a fork: start worker processes by `spawn`")
        if _executor is None or _owner != os.getpid():
            _executor, _owner = ThreadPoolExecutor(1, thread_name_prefix=_THREAD), os.getpid()
        return _executor


@on_drawing_thread
def ensure_opengl() -> str:
    """Make sure that this process can draw, and keep the context; cheap when called again.

    Call it before long work whose result is to be drawn, from any thread.

    Returns:
        Name of the platform, `egl` or `osmesa`.

    Raises:
        NoOpenGL: There is none; names the packages to install.
        SedtalkerError: This process was forked after the context was made.
    """
    global _context, _platform_name
    if _context is not None:
        return str(_platform_name)
    load_triton_first()
    reasons = []
    for name in _candidates():
        try:
            context = _open_egl() if name == "egl" else _open_osmesa()
        except (OSError, AttributeError) as exc:
            reasons.append(f"{name.upper()}: {' '.join(str(exc).split())}")
            continue
        context.init_context()
        context.make_current()
        _context, _platform_name = context, name
        return name
    raise NoOpenGL(f"no OpenGL to draw with ({'; '.join(reasons) or 'bound to a window'}): {INSTALL_HINT}")


@on_drawing_thread
def describe_opengl() -> str:
    """Platform, renderer and version of the OpenGL that draws, e.g. `egl: llvmpipe (...), 4.5 ...`.

    Raises:
        NoOpenGL: as `ensure_opengl`.
    """
    platform = ensure_opengl()
    from OpenGL import GL

    renderer, version = (GL.glGetString(name).decode("ascii", "replace") for name in (GL.GL_RENDERER, GL.GL_VERSION))
    return f"{platform}: {renderer}, {version}"


def compile_program(vertex: str, fragment: str) -> int:
    """Compile and link one shader program.

    Args:
        vertex: GLSL of the vertex stage.
        fragment: GLSL of the fragment stage.

    Returns:
        Name of the program.
    """
    from OpenGL import GL

    program = GL.glCreateProgram()
    for kind, source in ((GL.GL_VERTEX_SHADER, vertex), (GL.GL_FRAGMENT_SHADER, fragment)):
        shader = GL.glCreateShader(kind)
        GL.glShaderSource(shader, source)
        GL.glCompileShader(shader)
        if not GL.glGetShaderiv(shader, GL.GL_COMPILE_STATUS):
            raise RuntimeError(GL.glGetShaderInfoLog(shader))
        GL.glAttachShader(program, shader)
    GL.glLinkProgram(program)
    if not GL.glGetProgramiv(program, GL.GL_LINK_STATUS):
        raise RuntimeError(GL.glGetProgramInfoLog(program))
    return int(program)


class Framebuffer:
    """Pixels to draw into: 8-bit RGBA and, if wanted, depth.

    Args:
        width, height: Size [pixels].
        depth: Whether there is a depth buffer.
    """

    def __init__(self, width: int, height: int, depth: bool = True) -> None:
        from OpenGL import GL

        self.width, self.height = width, height
        self.name = GL.glGenFramebuffers(1)
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self.name)
        formats = [(GL.GL_RGBA8, GL.GL_COLOR_ATTACHMENT0)]
        if depth:
            formats.append((GL.GL_DEPTH_COMPONENT24, GL.GL_DEPTH_ATTACHMENT))
        self._buffers = []
        for storage, attachment in formats:
            buffer = GL.glGenRenderbuffers(1)
            GL.glBindRenderbuffer(GL.GL_RENDERBUFFER, buffer)
            GL.glRenderbufferStorage(GL.GL_RENDERBUFFER, storage, width, height)
            GL.glFramebufferRenderbuffer(GL.GL_FRAMEBUFFER, attachment, GL.GL_RENDERBUFFER, buffer)
            self._buffers.append(buffer)
        if GL.glCheckFramebufferStatus(GL.GL_FRAMEBUFFER) != GL.GL_FRAMEBUFFER_COMPLETE:
            self.close()
            raise SedtalkerError(f"OpenGL cannot draw pictures of {width}x{height}: choose a smaller --size")

    def close(self) -> None:
        """Give the memory back."""
        from OpenGL import GL

        GL.glDeleteFramebuffers(1, [self.name])
        GL.glDeleteRenderbuffers(len(self._buffers), self._buffers)
