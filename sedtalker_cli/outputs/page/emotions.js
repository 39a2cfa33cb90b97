// Emotions that a person edits: labels and intensity of every 20 ms, cut into segments; every edit can be undone.
const HOP = 0.02, SHORTEST = 5, FADE = 5;  // s; frames of a segment; frames to either side of an edge
const SHOWN = 0.6;  // least intensity of an emotion that a segment is given: it should be seen

function makeEmotions(classes, labels, heard, duration) {
  const frames = labels.length, quiet = classes.indexOf("neutral");
  const starts = [];
  for (let k = 0; k < frames; k++) if (!k || labels[k] !== labels[k - 1]) starts.push(k);
  // `chosen` marks frames whose emotion a person has set; elsewhere the probabilities are those that were heard
  let now = { starts, labels: Uint8Array.from(labels), chosen: new Uint8Array(frames), intensity: heard.intensity[0].slice() };
  const past = [], future = [];
  const copy = ({ starts, labels, chosen, intensity }) =>
    ({ starts: starts.slice(), labels: labels.slice(), chosen: chosen.slice(), intensity: intensity.slice() });

  const emotions = {
    classes, frames, duration,
    get intensity() { return now.intensity; },
    get canUndo() { return past.length > 0; },
    get canRedo() { return future.length > 0; },
    segments() {
      return now.starts.map((start, i) => {
        const stop = i + 1 < now.starts.length ? now.starts[i + 1] : frames;
        return { start, stop, label: now.labels[start], emotion: classes[now.labels[start]] };
      });
    },
    indexAt(time) {
      const frame = Math.min(Math.max(Math.floor(time / HOP + 1e-6), 0), frames - 1);
      let index = 0;
      while (index + 1 < now.starts.length && now.starts[index + 1] <= frame) index++;
      return index;
    },
    // Remembers the state before an edit; what follows until the next call is one step.
    begin() { past.push(copy(now)); if (past.length > 300) past.shift(); future.length = 0; },
    undo() { if (past.length) { future.push(now); now = past.pop(); } },
    redo() { if (future.length) { past.push(now); now = future.pop(); } },
    // Cuts at a time; gives the time of the cut, null where a part would be too short.
    split(time) {
      const frame = Math.round(time / HOP), { start, stop } = emotions.segments()[emotions.indexAt(time)];
      if (frame - start < SHORTEST || stop - frame < SHORTEST) return null;
      emotions.begin();
      now.starts.splice(emotions.indexAt(time) + 1, 0, frame);
      return frame * HOP;
    },
    relabel(index, label) {
      const { start, stop } = emotions.segments()[index];
      emotions.begin();
      now.labels.fill(label, start, stop);
      now.chosen.fill(1, start, stop);
      if (label !== quiet) for (let k = start; k < stop; k++) now.intensity[k] = Math.max(now.intensity[k], SHOWN);
    },
    // Lets the segment before take over.
    join(index) {
      const other = index ? index - 1 : 1, found = emotions.segments();
      if (!found[other]) return false;
      emotions.begin();
      if (found[other].label !== found[index].label) {
        now.labels.fill(found[other].label, found[index].start, found[index].stop);
        now.chosen.fill(1, found[index].start, found[index].stop);
      }
      now.starts.splice(index || 1, 1);
      return true;
    },
    // Moves the beginning of a segment (1 and up) to a time; from the state where the drag began, so it can come back.
    move(index, time) {
      now = copy(past[past.length - 1]);
      const found = emotions.segments(), [before, own] = [found[index - 1], found[index]];
      const frame = Math.min(Math.max(Math.round(time / HOP), before.start + SHORTEST), own.stop - SHORTEST);
      const [from, to, label] = frame < own.start ? [frame, own.start, own.label] : [own.start, frame, before.label];
      const level = now.intensity[frame < own.start ? own.start : own.start - 1];
      if (own.label !== before.label) {
        now.labels.fill(label, from, to);
        now.chosen.fill(1, from, to);
        now.intensity.fill(level, from, to);
      }
      now.starts[index] = frame;
    },
    // Pulls the curve of intensity to a level around a time, within a reach in seconds.
    pull(time, level, reach) {
      const middle = time / HOP - 0.5, size = Math.max(reach / HOP, 1);
      for (let k = Math.max(Math.ceil(middle - size), 0); k <= Math.min(middle + size, frames - 1); k++) {
        const share = 0.5 + 0.5 * Math.cos((Math.PI * (k - middle)) / size);
        now.intensity[k] += share * (Math.min(Math.max(level, 0), 1) - now.intensity[k]);
      }
    },
    raise(index, change) {
      const { start, stop } = emotions.segments()[index];
      emotions.begin();
      for (let k = start; k < stop; k++) now.intensity[k] = Math.min(Math.max(now.intensity[k] + change, 0), 1);
    },
    // Probabilities by class: what was chosen, cross-faded at its edges with what was heard.
    posteriors() {
      const heardShare = fade(now.chosen.map((mark) => 1 - mark));
      return classes.map((_, c) => {
        const out = fade(now.chosen.map((mark, k) => mark && now.labels[k] === c));
        for (let k = 0; k < frames; k++) out[k] += heardShare[k] * heard.posteriors[c][k];
        return out;
      });
    },
    labels: () => now.labels,
  };
  return emotions;

  // The mean of marks over FADE frames to either side.
  function fade(marks) {
    const out = new Float32Array(frames), at = (k) => marks[k < 0 ? 0 : k < frames ? k : frames - 1];
    let sum = 0;
    for (let k = -FADE; k < FADE; k++) sum += at(k);
    for (let k = 0; k < frames; k++) {  // `sum` is of FADE frames before to FADE - 1 after
      out[k] = (sum + 0.5 * (at(k + FADE) - at(k - FADE))) / (2 * FADE);
      sum += at(k + FADE) - at(k - FADE);
    }
    return out;
  }
}

// STEM.emotion.csv as `formats/emotion_csv.py` writes it: rows of probabilities sum to exactly 1.
function emotionCsv(emotions, voice) {
  const { classes } = emotions, posteriors = emotions.posteriors(), labels = emotions.labels();
  const order = classes.map((_, c) => c).sort((a, b) => (classes[a] < classes[b] ? -1 : 1));
  const header = ["frame", "time", "emotion", "intensity", "confidence", ...order.map((c) => `p_${classes[c]}`), "speech"];
  const rows = Array.from(labels, (label, k) => {
    const units = classes.map((_, c) => Math.floor(posteriors[c][k] * 1e6));
    units[label] += 1e6 - units.reduce((sum, value) => sum + value, 0);
    const words = units.map((value) => (value / 1e6).toFixed(6));
    return [k, (k * HOP).toFixed(2), classes[label], emotions.intensity[k].toFixed(4), words[label],
      ...order.map((c) => words[c]), voice[k].toFixed(4)].join(",");
  });
  return [header.join(","), ...rows, ""].join("\n");
}

// STEM.rttm as `formats/rttm.py` writes it; neighbours of one emotion are one segment.
function emotionRttm(emotions, title) {
  const posteriors = emotions.posteriors(), uri = title.replace(/\s/g, "_") || "_", merged = [];
  for (const segment of emotions.segments()) {
    const before = merged[merged.length - 1];
    if (before && before.label === segment.label) before.stop = segment.stop;
    else merged.push({ ...segment });
  }
  return merged.map(({ start, stop, label, emotion }) => {
    const end = Math.round(1000 * Math.min(stop * HOP, emotions.duration)), onset = Math.round(1000 * start * HOP);
    const sure = posteriors[label].subarray(start, stop).reduce((sum, value) => sum + value, 0) / (stop - start);
    const times = `${(onset / 1000).toFixed(3)} ${((end - onset) / 1000).toFixed(3)}`;
    return `SPEAKER ${uri} 1 ${times} <NA> <NA> ${emotion} ${sure.toFixed(3)} <NA>\n`;
  }).join("");
}
