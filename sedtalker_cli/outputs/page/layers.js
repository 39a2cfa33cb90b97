// Acts a recording in other emotions, as `motion/performance.py` does: `facts` are constants, `series` change over time.

// Series as `packing.py` wrote them: by name a list of columns, each a Float32Array over time.
function unpackSeries(described, bytes, width, start) {
  const series = {};
  for (const { name, frames, step, columns } of described) {
    const stored = [];
    for (let column = 0; column <= Math.max(...columns); column++) {
      const values = new Float32Array(frames);
      let whole = 0;
      for (let k = 0; k < frames; k++, start += width) {
        whole += width === 2 ? bytes[start] | (bytes[start + 1] << 8) : bytes[start];
        whole &= width === 2 ? 0xffff : 0xff;
        values[k] = whole * step;
      }
      stored.push(values);
    }
    const nothing = new Float32Array(frames);
    series[name] = columns.map((column) => (column < 0 ? nothing : stored[column]));
  }
  return { series, start };
}

function unpackLayers(facts, bytes) {
  const fine = unpackSeries(facts.fine, bytes, 2, 0);
  const coarse = unpackSeries(facts.coarse, bytes, 1, fine.start);
  return { ...facts, ...fine.series, ...coarse.series };
}

// x through the kernel (1 + |t| / tau) exp(-|t| / tau) of a 10-90 % time in seconds; ends are held.
function smoothColumn(x, rise, fps) {
  const tau = Math.max((rise * fps) / 4.8, 1e-3), half = Math.ceil(9 * tau), last = x.length - 1;
  const kernel = new Float64Array(half + 1), out = new Float64Array(x.length);
  for (let t = 0; t <= half; t++) kernel[t] = (1 + t / tau) * Math.exp(-t / tau);
  const total = 2 * kernel.reduce((sum, value) => sum + value, 0) - kernel[0];
  for (let k = 0; k <= last; k++) {
    let sum = kernel[0] * x[k];
    for (let t = 1; t <= half; t++) sum += kernel[t] * (x[k < t ? 0 : k - t] + x[k + t > last ? last : k + t]);
    out[k] = sum / total;
  }
  return out;
}

// How strongly each of the animator's emotions shows: weights of its normal pose and of the step to a strong one.
function classLevels(layers, posteriors, intensity, frames, fps) {
  const normal = layers.rise.map(() => new Float64Array(frames)), strong = layers.rise.map(() => new Float64Array(frames));
  const last = intensity.length - 1, count = posteriors.length, shares = new Float64Array(count);
  for (let k = 0; k < frames; k++) {
    const place = Math.min(Math.max(k / fps / 0.02 - 0.5, 0), last);
    const left = Math.min(Math.floor(place), Math.max(last - 1, 0)), right = Math.min(left + 1, last), mix = place - left;
    const level = (1 - mix) * intensity[left] + mix * intensity[right];
    let shown = 0, total = 0;
    for (let n = 0; n < count; n++) {
      shares[n] = (1 - mix) * posteriors[n][left] + mix * posteriors[n][right];
      if (n === layers.quiet) continue;
      shown += shares[n] * level ** layers.expressed[n];
      total += shares[n];
    }
    shown = Math.min(shown / Math.max(total, 1e-9), 1);
    for (let n = 0; n < count; n++) {
      normal[layers.mapped[n]][k] += shares[n] * Math.min(2 * shown, 1);
      strong[layers.mapped[n]][k] += shares[n] * Math.max(2 * shown - 1, 0);
    }
  }
  const smooth = (columns) => columns.map((column, c) => smoothColumn(column, layers.rise[c], fps));
  return { normal: smooth(normal), strong: smooth(strong) };
}

// Coefficients of a timeline: one Float32Array over the frames for each of ARKit's 52 names.
function actEmotions(layers, posteriors, intensity, fps) {
  const { names, neutral } = layers, frames = layers.stress[0].length;
  const { normal, strong } = classLevels(layers, posteriors, intensity, frames, fps);
  const jaw = new Float64Array(frames).fill(1), calm = new Float64Array(frames).fill(1);
  const size = normal.map((column, c) => {
    const [share, low, high] = [layers.normal[c], layers.jaw[c][0] - 1, layers.jaw[c][1] - layers.jaw[c][0]];
    const out = new Float64Array(frames);
    for (let k = 0; k < frames; k++) {
      out[k] = column[k] * share + strong[c][k] * (1 - share);
      jaw[k] += column[k] * low + strong[c][k] * high;
      if (c !== neutral) calm[k] -= out[k];
    }
    return out;
  });
  for (let k = 0; k < frames; k++) calm[k] = Math.max(calm[k], 0);
  const acted = names.map((name, n) => {
    const base = new Float64Array(frames), accent = new Float64Array(frames);
    for (let k = 0; k < frames; k++) accent[k] = calm[k] * layers.rest[n];
    size.forEach((column, c) => {
      const [level, stressed] = [layers.levels[c][n], layers.accents[c][n]];
      if (level || stressed) for (let k = 0; k < frames; k++) {
        base[k] += level * column[k];
        accent[k] += stressed * column[k];
      }
    });
    return blend(layers, n, base, accent, name === "jawOpen" || name === "mouthClose" ? jaw : null);
  });
  partLips(layers, acted);
  return acted;
}

// One coefficient of an expression, its level and its accent over time, united with speech.
function blend(layers, n, base, accent, gain) {
  const [speech, factor, keep, excess] = [layers.speech[n], layers.factors[n], layers.keep[n], layers.excess[n]];
  const { knee } = layers, stress = layers.stress[0], out = new Float32Array(base.length);
  for (let k = 0; k < out.length; k++) {
    let shown = Math.max(base[k] * factor[k] + stress[k] * accent[k], 0);
    if (shown > knee) shown = knee + (1 - knee) * Math.tanh((shown - knee) / (1 - knee));
    const spoken = speech[k] * (gain ? gain[k] : 1);
    const both = Math.min(Math.max(1 - (1 - spoken) * (1 - shown * keep[k]), 0), 1);
    out[k] = both - excess[k] * Math.max(both - speech[k], 0);
  }
  return out;
}

// Lips rest parted in a pause.
function partLips(layers, acted) {
  const column = (name) => acted[layers.names.indexOf(name)], jaw = column("jawOpen"), close = column("mouthClose");
  const lips = ["mouthUpperUpLeft", "mouthUpperUpRight", "mouthLowerDownLeft", "mouthLowerDownRight"].map(column);
  for (let k = 0; k < jaw.length; k++) {
    let gap = jaw[k] - close[k];
    for (const lip of lips) gap += 0.25 * lip[k];
    jaw[k] += layers.pausing[0][k] * Math.max(layers.parted - Math.max(gap, 0), 0);
  }
}

// Weights of a recorded motion with what other emotions change in them: blinks, gaze and breath stay as they are.
function exchangeEmotions(layers, recorded, names, before, after) {
  const out = recorded.slice(), width = names.length, frames = layers.stress[0].length;
  names.forEach((name, column) => {
    const n = layers.names.indexOf(name);
    if (n < 0) return;
    const side = name.endsWith("Left") ? "Left" : "Right";
    const lid = { eyeBlink: "blink", eyeWide: "wide", eyeSquint: "squint" }[name.replace(side, "")];
    const blinks = lid && names.indexOf(`eyeBlink${side}`), blink = lid && before[layers.names.indexOf(`eyeBlink${side}`)];
    for (let k = 0; k < frames; k++) {
      const change = after[n][k] - before[n][k], place = k * width + column;
      if (!change) continue;
      // lids that a blink closes do not open for an emotion
      const shut = lid ? Math.min(Math.max((recorded[k * width + blinks] - blink[k]) / (1 - blink[k]), 0), 1) : 0;
      const share = { blink: 1 - shut, wide: 1 - (1 - layers.wideLeft) * shut * shut, squint: 1 - 0.8 * shut * shut }[lid];
      out[place] = Math.min(Math.max(recorded[place] + change * (lid ? share : 1), 0), 1);
    }
  });
  return out;
}
