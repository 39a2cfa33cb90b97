// The page: time runs with the sound, the strip shows and edits emotions, dragging turns the head.
const element = (id) => document.getElementById(id);
const facts = JSON.parse(element("facts").textContent);
const sound = element("sound").getAttribute("src") ? element("sound") : null;
const camera = { ...facts.camera, yaw: 0, pitch: 0 };
let time = 0, playing = false, before = 0, draw = null, model = null, layers = null, saved = true, waiting = false;
let emotions = null, timeline = null, heard = null, recorded = null;

const segmentNow = () => emotions.segments()[emotions.indexAt(time)];
const describe = ({ start, stop, emotion }) =>
  `${emotion} from ${(start * HOP).toFixed(2)} to ${Math.min(stop * HOP, facts.duration).toFixed(2)} seconds`;

function show() {
  draw(time, camera);
  timeline.draw();
  element("time").textContent = `${time.toFixed(2)} s`;
  element("strip").setAttribute("aria-valuenow", time.toFixed(2));
  if (!emotions) return;
  const level = emotions.intensity[Math.min(Math.floor(time / HOP), emotions.frames - 1)];
  const words = `${segmentNow().emotion} ${Math.round(100 * level)} %`;
  element("emotion").textContent = words;
  element("strip").setAttribute("aria-valuetext", `${time.toFixed(2)} seconds, ${words}`);
}

function setTime(when) {
  time = Math.min(Math.max(when, 0), facts.duration);
  if (sound) sound.currentTime = Math.min(time, sound.duration || time);
  timeline.follow(time);
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
  timeline.follow(time);
  show();
  if (playing) requestAnimationFrame(advance);
}

// The face follows an edit with the next picture, however many come at once.
function edited() {
  saved = false;
  for (const [id, able] of [["undo", emotions.canUndo], ["redo", emotions.canRedo]]) element(id).disabled = !able;
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    const acted = actEmotions(layers, emotions.posteriors(), emotions.intensity, facts.fps);
    model.weights = exchangeEmotions(layers, recorded, model.names, heard, acted);
    show();
  });
}

function announce(words = describe(segmentNow())) {
  element("news").textContent = words;
}

const edits = {
  relabel(label) {
    if (label >= emotions.classes.length) return;
    emotions.relabel(emotions.indexAt(time), label);
    edited();
    announce();
  },
  split() {
    const cut = emotions.split(time);
    if (cut === null) return announce("too short to split here");
    setTime(cut);  // what comes next is for the part behind the cut
    edited();
    announce(`split: ${describe(segmentNow())}`);
  },
  join() { if (emotions.join(emotions.indexAt(time))) { edited(); announce(); } },
  raise(change) { emotions.raise(emotions.indexAt(time), change); edited(); announce(`${element("emotion").textContent}`); },
  undo() { emotions.undo(); edited(); announce("undone"); },
  redo() { emotions.redo(); edited(); announce("done again"); },
  // Moves the beginning of the segment at this time.
  shift(change) {
    const index = emotions.indexAt(time);
    if (!index) return;
    emotions.begin();
    emotions.move(index, emotions.segments()[index].start * HOP + change);
    edited();
    announce();
  },
  save() {
    const files = [[".rttm", emotionRttm(emotions, facts.title)], [".emotion.csv", emotionCsv(emotions, layers.voice[0])]];
    for (const [suffix, text] of files) {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
      link.download = facts.title + suffix;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    }
    saved = true;
    announce(`saved ${facts.title}.rttm and ${facts.title}.emotion.csv`);
  },
};

function press(event) {
  const moves = { ArrowLeft: -0.1, ArrowRight: 0.1 };
  const control = event.ctrlKey || event.metaKey, key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const onButton = event.target.tagName === "BUTTON" || event.target.tagName === "SUMMARY";
  if (control && layers) {
    const action = { z: event.shiftKey ? edits.redo : edits.undo, y: edits.redo, s: edits.save }[key];
    if (!action) return;
    action();
  } else if (control || event.altKey) return;
  else if (key === " " && !onButton) setPlaying(!playing);
  else if (key in moves) setTime(time + moves[key] * (event.shiftKey ? 10 : 1));
  else if (key === "Home") setTime(0);
  else if (key === "End") setTime(facts.duration);
  else if (key === "+" || key === "-") timeline.zoom(key === "+" ? 1.5 : 1 / 1.5);
  else if (!layers) return;
  else if (/^[1-9]$/.test(key)) edits.relabel(+key - 1);
  else if (key === "s") edits.split();
  else if (key === "Delete" || key === "Backspace") edits.join();
  else if (key === "ArrowUp" || key === "ArrowDown") edits.raise(key === "ArrowUp" ? 0.05 : -0.05);
  else if (key === "," || key === ".") edits.shift(key === "." ? HOP : -HOP);
  else return;
  event.preventDefault();
}

function listen() {
  element("play").onclick = () => setPlaying(!playing);
  listenToFace(element("face"));
  for (const name of ["split", "join", "undo", "redo", "save"]) element(name).onclick = () => edits[name]();
  document.onkeydown = press;
  window.onresize = show;
  window.onhashchange = readHash;
  window.matchMedia("(prefers-color-scheme: light)").onchange = show;
  window.onbeforeunload = (event) => { if (!saved) event.preventDefault(); };
}

// Turning by dragging; coming closer by the wheel or two fingers.
function listenToFace(face) {
  const fingers = new Map();
  const nearer = (factor) => {
    const [near, far] = [0.4 * facts.camera.distance, 2.5 * facts.camera.distance];
    camera.distance = Math.min(Math.max(camera.distance / factor, near), far);
    show();
  };
  const spread = () => {
    const [a, b] = [...fingers.values()];
    return Math.max(Math.hypot(a.x - b.x, a.y - b.y), 10);
  };
  face.onpointerdown = (event) => {
    face.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  };
  face.onpointerup = face.onpointercancel = (event) => fingers.delete(event.pointerId);
  face.onpointermove = (event) => {
    const last = fingers.get(event.pointerId);
    if (!last) return;
    const apart = fingers.size === 2 && spread();
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (apart) return nearer(spread() / apart);
    camera.yaw -= 0.008 * (event.clientX - last.x);
    camera.pitch = Math.min(Math.max(camera.pitch + 0.008 * (event.clientY - last.y), -1.2), 1.2);
    show();
  };
  face.ondblclick = () => { Object.assign(camera, facts.camera, { yaw: 0, pitch: 0 }); show(); };
  face.addEventListener("wheel", (event) => {
    event.preventDefault();
    nearer(Math.exp(-0.001 * event.deltaY));
  }, { passive: false });
}

// page.html#t=1.5 opens at that time
function readHash() {
  const wanted = /t=([\d.]+)/.exec(location.hash);
  if (wanted) setTime(parseFloat(wanted[1]));
}

async function unzip(text) {
  const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

// The timeline, and what it takes to act others where the page has it.
async function prepareEmotions() {
  if (!facts.emotions) return;
  const { classes, segments, intensity, duration } = facts.emotions;
  if (facts.layers) layers = unpackLayers(facts.layers, new Uint8Array(await unzip(element("layers").textContent)));
  const labels = segments.flatMap(({ frames, emotion }) => Array(frames).fill(classes.indexOf(emotion)));
  const rows = layers || { intensity: [Float32Array.from(intensity)], posteriors: [] };
  emotions = makeEmotions(classes, labels, rows, duration);
  element("fixed").hidden = layers !== null;
  if (!layers) return;
  heard = actEmotions(layers, emotions.posteriors(), emotions.intensity, facts.fps);
  recorded = model.weights;
  classes.forEach((name, label) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = `${label + 1} ${name}`;
    button.style.borderColor = facts.emotions.colours[name];
    button.setAttribute("aria-keyshortcuts", `${label + 1}`);
    button.onclick = () => edits.relabel(label);
    element("emotions").append(button);
  });
  document.body.dataset.editable = "true";
}

async function open() {
  model = readGltf(await unzip(element("model").textContent));
  draw = await makeScene(element("face"), model);
  await prepareEmotions();
  const { duration } = facts, colours = facts.emotions && facts.emotions.colours;
  const editable = layers !== null;
  timeline = makeTimeline(element("strip"), { duration, emotions, colours, editable, time: () => time, setTime, edited, announce });
  element("strip").setAttribute("aria-valuemax", duration.toFixed(2));
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
