// The page: time runs with the sound, the strip shows and sets it, dragging turns the head.
const element = (id) => document.getElementById(id);
const facts = JSON.parse(element("facts").textContent);
const sound = element("sound").getAttribute("src") ? element("sound") : null;
const camera = { ...facts.camera, yaw: 0, pitch: 0 };
const strip = element("strip");
let time = 0, playing = false, before = 0, draw = null;

function segmentAt(when) {
  const segments = facts.emotions ? facts.emotions.segments : [];
  return segments.find((segment) => when < segment.end) || segments[segments.length - 1];
}

function intensityAt(when) {
  const { step, intensity } = facts.emotions;
  return intensity[Math.min(Math.floor(when / step), intensity.length - 1)] || 0;
}

function drawStrip() {
  const ratio = window.devicePixelRatio || 1;
  const width = (strip.width = Math.round(strip.clientWidth * ratio));
  const height = (strip.height = Math.round(strip.clientHeight * ratio));
  const pen = strip.getContext("2d");
  const x = (when) => (when / facts.duration) * width;
  const bottom = Math.round(0.76 * height);
  pen.fillStyle = "#22262c";
  pen.fillRect(0, 0, width, bottom);
  pen.font = `${13 * ratio}px system-ui, sans-serif`;
  for (const segment of facts.emotions ? facts.emotions.segments : []) {
    pen.fillStyle = segment.colour;
    pen.globalAlpha = 0.3;
    pen.fillRect(x(segment.start), 0, x(segment.end) - x(segment.start), bottom);
    pen.globalAlpha = 1;
    for (let column = Math.floor(x(segment.start)); column < x(segment.end); column++) {
      const high = intensityAt((column / width) * facts.duration) * bottom;
      pen.fillRect(column, bottom - high, 1, high);
    }
    if (pen.measureText(segment.emotion).width + 12 * ratio < x(segment.end) - x(segment.start)) {
      pen.lineWidth = 3 * ratio;
      pen.strokeStyle = "#16181c";
      pen.strokeText(segment.emotion, x(segment.start) + 6 * ratio, 0.45 * height);
      pen.fillStyle = "#ffffff";
      pen.fillText(segment.emotion, x(segment.start) + 6 * ratio, 0.45 * height);
    }
  }
  pen.fillStyle = "#9aa0a8";
  const step = [0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600].find((s) => (x(s) > 60 * ratio)) || 1800;
  for (let tick = 0; tick <= facts.duration; tick += step)
    pen.fillText(tick ? `${tick}` : "0 s", Math.min(x(tick) + 2 * ratio, width - 30 * ratio), height - 2 * ratio);
  pen.fillStyle = "#ffffff";
  pen.fillRect(x(time) - ratio, 0, 2 * ratio, bottom);
}

function show() {
  draw(time, camera);
  drawStrip();
  element("time").textContent = `${time.toFixed(2)} s`;
  strip.setAttribute("aria-valuenow", time.toFixed(2));
  const segment = segmentAt(time);
  element("emotion").textContent = segment ? `${segment.emotion} ${Math.round(100 * intensityAt(time))} %` : "";
}

function setTime(when) {
  time = Math.min(Math.max(when, 0), facts.duration);
  if (sound) sound.currentTime = Math.min(time, sound.duration || time);
  show();
}

function setPlaying(wanted) {
  playing = wanted;
  element("play").textContent = playing ? "❚❚" : "▶";
  element("play").setAttribute("aria-label", playing ? "Pause" : "Play");
  if (playing && time >= facts.duration - 0.01) setTime(0);
  if (sound) playing ? sound.play().catch(() => {}) : sound.pause();
  before = performance.now();
  if (playing) requestAnimationFrame(advance);
}

function advance(now) {
  if (!playing) return;
  const audible = sound && !sound.paused && !sound.ended;
  time = audible ? sound.currentTime : time + (now - before) / 1000;
  before = now;
  if (time >= facts.duration) { time = facts.duration; setPlaying(false); }
  show();
  if (playing) requestAnimationFrame(advance);
}

function listen() {
  element("play").onclick = () => setPlaying(!playing);
  const scrub = (event) => {
    const box = strip.getBoundingClientRect();
    setTime(((event.clientX - box.left) / box.width) * facts.duration);
  };
  strip.onpointerdown = (event) => { strip.setPointerCapture(event.pointerId); scrub(event); };
  strip.onpointermove = (event) => { if (event.buttons) scrub(event); };
  const face = element("face");
  face.onpointerdown = (event) => face.setPointerCapture(event.pointerId);
  face.onpointermove = (event) => {
    if (!event.buttons) return;
    camera.yaw -= 0.008 * event.movementX;
    camera.pitch = Math.min(Math.max(camera.pitch + 0.008 * event.movementY, -1.2), 1.2);
    show();
  };
  face.ondblclick = () => { Object.assign(camera, facts.camera, { yaw: 0, pitch: 0 }); show(); };
  face.addEventListener("wheel", (event) => {
    event.preventDefault();
    const [near, far] = [0.4 * facts.camera.distance, 2.5 * facts.camera.distance];
    camera.distance = Math.min(Math.max(camera.distance * Math.exp(0.001 * event.deltaY), near), far);
    show();
  }, { passive: false });
  document.onkeydown = (event) => {
    const moves = { ArrowLeft: -0.1, ArrowRight: 0.1 };
    if (event.key === " " && event.target !== element("play")) { event.preventDefault(); setPlaying(!playing); }
    else if (event.key in moves) setTime(time + moves[event.key]);
  };
  window.onresize = show;
  window.onhashchange = readHash;
}

// page.html#t=1.5 opens at that time
function readHash() {
  const wanted = /t=([\d.]+)/.exec(location.hash);
  if (wanted) setTime(parseFloat(wanted[1]));
}

async function open() {
  const packed = Uint8Array.from(atob(element("model").textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  draw = makeScene(element("face"), readGltf(await new Response(stream).arrayBuffer()));
  strip.setAttribute("aria-valuemax", facts.duration.toFixed(2));
  element("message").remove();
  listen();
  show();
  readHash();
  document.body.dataset.state = "ready";
}

open().catch((error) => {
  document.body.dataset.state = "failed";
  element("message").textContent = `The face cannot be shown: ${error.message}`;
  console.error(error);
});
