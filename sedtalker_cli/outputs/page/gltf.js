// Reads the page's own glTF binary: one mesh whose primitives share their vertices, morph targets, pictures, one
// animation of the weights and, if the head moves as a whole, of the node that carries it.
function readGltf(buffer) {
  const view = new DataView(buffer);
  const length = view.getUint32(12, true);
  const json = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 20, length)));
  const start = 28 + length;
  function numbers(index, componentType, count) {
    const kind = { 5126: Float32Array, 5125: Uint32Array, 5123: Uint16Array }[componentType];
    const from = start + json.bufferViews[index].byteOffset;
    return new kind(buffer.slice(from, from + count * kind.BYTES_PER_ELEMENT));
  }
  function accessor(index) {
    const { bufferView, componentType, count, type, sparse } = json.accessors[index];
    const width = { SCALAR: 1, VEC2: 2, VEC3: 3, VEC4: 4 }[type];
    if (bufferView !== undefined) return numbers(bufferView, componentType, count * width);
    const values = new Float32Array(count * width);  // zeros, but for what a sparse accessor names
    if (sparse) {
      const rows = numbers(sparse.indices.bufferView, sparse.indices.componentType, sparse.count);
      const changed = numbers(sparse.values.bufferView, componentType, sparse.count * width);
      rows.forEach((row, k) => values.set(changed.subarray(width * k, width * (k + 1)), width * row));
    }
    return values;
  }
  function picture({ source, sampler }) {
    const { bufferView, mimeType } = json.images[source];
    const { byteOffset, byteLength } = json.bufferViews[bufferView];
    const data = new Blob([buffer.slice(start + byteOffset, start + byteOffset + byteLength)], { type: mimeType });
    return { data, ...json.samplers[sampler] };
  }
  const mesh = json.meshes[0];
  const first = mesh.primitives[0];
  const { channels, samplers } = json.animations[0];
  const tracks = {};
  for (const { sampler, target } of channels) tracks[target.path] = accessor(samplers[sampler].output);
  return {
    rest: accessor(first.attributes.POSITION),
    colours: accessor(first.attributes.COLOR_0),
    places: "TEXCOORD_0" in first.attributes ? accessor(first.attributes.TEXCOORD_0) : null,
    vertices: "_VERTEX" in first.attributes ? accessor(first.attributes._VERTEX) : null,
    pictures: (json.textures || []).map(picture),
    parts: mesh.primitives.map((primitive) => {
      const { name, doubleSided, alphaCutoff, pbrMetallicRoughness: surface } = json.materials[primitive.material];
      return {
        name,
        shiny: surface.roughnessFactor < 0.3,
        thin: doubleSided,
        picture: surface.baseColorTexture ? surface.baseColorTexture.index : null,
        cutoff: alphaCutoff || 0,
        indices: accessor(primitive.indices),
      };
    }),
    shapes: first.targets.map((target) => compact(accessor(target.POSITION))),
    names: mesh.extras.targetNames,
    times: accessor(samplers[0].input),
    weights: tracks.weights,
    neck: tracks.rotation && { offset: json.nodes[0].translation, places: tracks.translation, turns: tracks.rotation },
  };
}

// A shape moves few vertices: keep their numbers and offsets only.
function compact(offsets) {
  const index = [];
  for (let v = 0; v < offsets.length / 3; v++)
    if (offsets[3 * v] || offsets[3 * v + 1] || offsets[3 * v + 2]) index.push(v);
  const values = new Float32Array(3 * index.length);
  index.forEach((v, k) => values.set(offsets.subarray(3 * v, 3 * v + 3), 3 * k));
  return { index: Uint32Array.from(index), values };
}

// The frames around a time in seconds, and how far it is from the first to the second.
function framesAt(times, time) {
  const last = times.length - 1;
  const place = Math.min(Math.max(last ? (time / times[last]) * last : 0, 0), last);
  const low = Math.floor(place);
  return { low, high: Math.min(low + 1, last), mix: place - low };
}

// Positions of the vertices at a time, linear between frames.
function pose(model, time, positions) {
  const { times, weights, shapes } = model;
  const { low, high, mix } = framesAt(times, time);
  positions.set(model.rest);
  shapes.forEach((shape, k) => {
    const weight = (1 - mix) * weights[low * shapes.length + k] + mix * weights[high * shapes.length + k];
    if (!weight) return;
    const { index, values } = shape;
    for (let i = 0; i < index.length; i++) {
      const v = 3 * index[i];
      positions[v] += weight * values[3 * i];
      positions[v + 1] += weight * values[3 * i + 1];
      positions[v + 2] += weight * values[3 * i + 2];
    }
  });
}

// Where the whole head is moved to at a time: a matrix, column by column; between frames it turns the shorter way.
function placement({ neck, times }, time) {
  if (!neck) return [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
  const { low, high, mix } = framesAt(times, time);
  const turn = (frame) => neck.turns.subarray(4 * frame, 4 * frame + 4);
  const towards = turn(low).reduce((sum, value, k) => sum + value * turn(high)[k], 0) < 0 ? -mix : mix;
  const mixed = Array.from(turn(low), (value, k) => (1 - mix) * value + towards * turn(high)[k]);
  const length = Math.hypot(...mixed);
  const [x, y, z, w] = mixed.map((value) => value / length);
  const columns = [
    [1 - 2 * (y * y + z * z), 2 * (x * y + z * w), 2 * (x * z - y * w)],
    [2 * (x * y - z * w), 1 - 2 * (x * x + z * z), 2 * (y * z + x * w)],
    [2 * (x * z + y * w), 2 * (y * z - x * w), 1 - 2 * (x * x + y * y)],
  ];
  const place = [0, 1, 2].map((row) =>
    columns.reduce((sum, column, k) => sum + column[row] * neck.offset[k],
      (1 - mix) * neck.places[3 * low + row] + mix * neck.places[3 * high + row]));
  return [...columns.flatMap((column) => [...column, 0]), ...place, 1];
}

// Where a picture has a seam, several of the page's vertices are one of the head's: they get one normal.
function computeNormals({ parts, vertices }, positions, normals) {
  normals.fill(0);
  for (const { indices } of parts) {
    for (let i = 0; i < indices.length; i += 3) {
      const a = 3 * indices[i], b = 3 * indices[i + 1], c = 3 * indices[i + 2];
      const ux = positions[b] - positions[a], uy = positions[b + 1] - positions[a + 1], uz = positions[b + 2] - positions[a + 2];
      const vx = positions[c] - positions[a], vy = positions[c + 1] - positions[a + 1], vz = positions[c + 2] - positions[a + 2];
      const x = uy * vz - uz * vy, y = uz * vx - ux * vz, z = ux * vy - uy * vx;
      for (const corner of [a, b, c]) { normals[corner] += x; normals[corner + 1] += y; normals[corner + 2] += z; }
    }
  }
  if (!vertices) return;
  const sums = new Float32Array(3 * (vertices.reduce((most, vertex) => Math.max(most, vertex), 0) + 1));
  for (let i = 0; i < normals.length; i++) sums[3 * vertices[Math.floor(i / 3)] + (i % 3)] += normals[i];
  for (let i = 0; i < normals.length; i++) normals[i] = sums[3 * vertices[Math.floor(i / 3)] + (i % 3)];
}
