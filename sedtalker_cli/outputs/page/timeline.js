// The strip below the face: segments with edges to drag, the curve of intensity to pull, a ruler; zoom and touch.
const BAND = 34, RULER = 20, GRIP = 7, WIDEST_GRIP = 16;  // pixels: of labels, of times, to either side of an edge

// `page`: duration, emotions (null for none), colours, editable; time() and setTime(); edited() after every change.
function makeTimeline(canvas, page) {
  const view = { from: 0, to: page.duration };
  const pointers = new Map();
  let drag = null, hover = -1;

  const x = (when) => ((when - view.from) / (view.to - view.from)) * canvas.clientWidth;
  const timeAt = (place) => view.from + (place / canvas.clientWidth) * (view.to - view.from);
  const levelAt = (y) => 1 - (y - BAND) / (canvas.clientHeight - BAND - RULER);

  function zoom(factor, around, shift = 0) {
    const span = Math.min(Math.max((view.to - view.from) / factor, Math.min(0.5, page.duration)), page.duration);
    const share = (around - view.from) / (view.to - view.from);
    view.from = Math.min(Math.max(around - share * span + shift, 0), page.duration - span);
    view.to = view.from + span;
    draw();
  }

  // Scrolls so that a time can be seen.
  function follow(time) {
    const span = view.to - view.from;
    if (time < view.from || time > view.to) {
      view.from = Math.min(Math.max(time - 0.1 * span, 0), page.duration - span);
      view.to = view.from + span;
    }
  }

  function draw() {
    const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
    if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
    if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
    const style = getComputedStyle(document.documentElement), colour = (name) => style.getPropertyValue(name).trim();
    const pen = canvas.getContext("2d"), bottom = height - RULER;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.fillStyle = colour("--strip");
    pen.fillRect(0, 0, width, height);
    pen.font = "13px system-ui, sans-serif";
    if (page.emotions) drawSegments(pen, width, bottom, colour);
    pen.fillStyle = colour("--faint");
    const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600].find((s) => x(view.from + s) > 60) || 1800;
    for (let tick = Math.ceil(view.from / step) * step; tick <= view.to + 1e-9; tick += step) {
      pen.fillRect(x(tick), bottom, 1, 5);
      pen.fillText(`${+tick.toFixed(2)}${tick ? "" : " s"}`, Math.min(x(tick) + 3, width - 30), height - 5);
    }
    pen.fillStyle = colour("--text");
    pen.fillRect(x(page.time()) - 1, 0, 2, bottom);
  }

  function drawSegments(pen, width, bottom, colour) {
    const { intensity } = page.emotions, now = page.emotions.indexAt(page.time());
    page.emotions.segments().forEach(({ start, stop, emotion }, index) => {
      const left = Math.max(x(start * HOP), 0), right = Math.min(x(Math.min(stop * HOP, page.duration)), width);
      if (right < 0 || left > width) return;
      pen.fillStyle = page.colours[emotion];
      pen.globalAlpha = 0.3;
      pen.fillRect(left, 0, right - left, bottom);
      pen.globalAlpha = 1;
      for (let column = Math.floor(left); column < right; column++) {
        const level = intensity[Math.min(Math.max(Math.floor(timeAt(column) / HOP), 0), intensity.length - 1)];
        pen.fillRect(column, bottom - level * (bottom - BAND), 1, level * (bottom - BAND));
      }
      pen.fillRect(left, 0, right - left, 4);
      if (index === now && page.editable) {
        pen.strokeStyle = colour("--text");
        pen.lineWidth = 1.5;
        pen.strokeRect(left + 1, 1, right - left - 2, BAND - 2);
      }
      if (pen.measureText(emotion).width + 18 < right - left) {
        pen.fillStyle = colour("--text");
        pen.fillText(emotion, left + 9, 23);
      }
      if (!page.editable || !index) return;
      const edge = x(start * HOP);
      pen.fillStyle = colour("--text");
      pen.globalAlpha = index === hover ? 1 : 0.55;
      pen.fillRect(edge - 0.5, 0, 1, bottom);
      pen.fillRect(edge - 2.5, 8, 5, 18);  // a grip
      pen.globalAlpha = 1;
    });
  }

  // The segment whose beginning is near a place, or -1.
  function edgeAt(place, reach) {
    if (!page.editable || !page.emotions) return -1;
    let best = -1, nearest = reach;
    page.emotions.segments().forEach(({ start }, index) => {
      const distance = Math.abs(x(start * HOP) - place);
      if (index && distance <= nearest) { best = index; nearest = distance; }
    });
    return best;
  }

  function kindAt(place, y, reach) {
    const edge = edgeAt(place, reach), bottom = canvas.clientHeight - RULER;
    if (edge > 0 && y < bottom) return { kind: "edge", edge };
    if (page.editable && page.emotions && y > BAND && y < bottom) return { kind: "curve" };
    return { kind: "time" };
  }

  const position = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const reachOf = (event) => (event.pointerType === "mouse" ? GRIP : WIDEST_GRIP);

  function act(place, y) {
    const time = Math.min(Math.max(timeAt(place), 0), page.duration);
    if (drag.kind === "time") return page.setTime(time);
    if (drag.kind === "edge") page.emotions.move(drag.edge, time);
    else {
      const reach = Math.max(0.12, (12 / canvas.clientWidth) * (view.to - view.from));
      const steps = Math.max(Math.ceil(Math.abs(time - drag.time) / (reach / 2)), 1);
      for (let i = 1; i <= steps; i++) {
        const share = i / steps;
        page.emotions.pull(drag.time + share * (time - drag.time), drag.level + share * (levelAt(y) - drag.level), reach);
      }
      [drag.time, drag.level] = [time, levelAt(y)];
    }
    page.edited();
  }

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    canvas.focus();
    const [place, y] = position(event);
    pointers.set(event.pointerId, place);
    if (pointers.size > 1) {
      if (drag && drag.kind !== "time") { page.emotions.undo(); page.edited(); }  // the first finger meant no edit
      drag = null;
      return;
    }
    drag = { ...kindAt(place, y, reachOf(event)), time: timeAt(place), level: levelAt(y) };
    if (drag.kind !== "time") page.emotions.begin();
    if (drag.kind !== "edge") act(place, y);
  });
  canvas.addEventListener("pointermove", (event) => {
    const [place, y] = position(event);
    if (!pointers.has(event.pointerId)) {
      const under = kindAt(place, y, GRIP);
      canvas.style.cursor = { edge: "col-resize", curve: "ns-resize", time: "pointer" }[under.kind];
      if (hover !== (under.edge || -1)) { hover = under.edge || -1; draw(); }
      return;
    }
    const before = [...pointers.values()];
    pointers.set(event.pointerId, place);
    if (pointers.size === 2) {
      const after = [...pointers.values()], middle = (values) => (values[0] + values[1]) / 2;
      const spread = (values) => Math.max(Math.abs(values[0] - values[1]), 10);
      zoom(spread(after) / spread(before), timeAt(middle(before)), timeAt(middle(before)) - timeAt(middle(after)));
    } else if (drag) act(place, y);
  });
  for (const name of ["pointerup", "pointercancel"])
    canvas.addEventListener(name, (event) => {
      pointers.delete(event.pointerId);
      if (drag && drag.kind !== "time") page.announce();
      drag = null;
    });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const sideways = event.deltaX || (event.shiftKey ? event.deltaY : 0);
    if (sideways) zoom(1, view.from, (sideways / canvas.clientWidth) * (view.to - view.from));
    else zoom(Math.exp(-0.002 * event.deltaY), timeAt(position(event)[0]));
  }, { passive: false });

  return { draw, follow, seen: () => [view.from, view.to], zoom: (factor) => zoom(factor, page.time()) };
}
