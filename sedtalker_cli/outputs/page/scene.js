// Draws the model with WebGL 2: three soft lights that stand with the camera.
const VERTEX = `#version 300 es
layout(location = 0) in vec3 position;
layout(location = 1) in vec3 normal;
layout(location = 2) in vec4 colour;
layout(location = 3) in vec2 place;
uniform mat4 projection, view;
out vec3 vNormal, vColour;
out vec2 vPlace;
void main() {
  vPlace = place;
  vNormal = mat3(view) * normal;
  vColour = colour.rgb;
  gl_Position = projection * view * vec4(position, 1.0);
}`;
const FRAGMENT = `#version 300 es
precision highp float;
in vec3 vNormal, vColour;
in vec2 vPlace;
uniform sampler2D picture;
uniform float gloss, cutoff;
out vec4 result;
void main() {
  vec4 texel = texture(picture, vPlace);
  if (texel.a < cutoff) discard;
  vec3 n = normalize(gl_FrontFacing ? vNormal : -vNormal);
  vec3 key = normalize(vec3(-0.50, 0.72, 0.80)), fill = normalize(vec3(0.85, 0.10, 0.60));
  vec3 wrap = vec3(0.34, 0.17, 0.12);
  vec3 light = mix(vec3(0.13), vec3(0.24), 0.5 + 0.5 * n.y)
    + vec3(0.86, 0.81, 0.75) * clamp((dot(n, key) + wrap) / (1.0 + wrap), 0.0, 1.0)
    + vec3(0.17, 0.19, 0.23) * clamp((dot(n, fill) + wrap) / (1.0 + wrap), 0.0, 1.0);
  float shine = pow(max(dot(n, normalize(key + vec3(0.0, 0.0, 1.0))), 0.0), gloss > 0.2 ? 120.0 : 16.0);
  result = vec4(sqrt(texel.rgb * vColour * light + gloss * shine), 1.0);
}`;

async function makeScene(canvas, model) {
  const gl = canvas.getContext("webgl2", { antialias: true, alpha: true, preserveDrawingBuffer: true });
  if (!gl) throw new Error("this browser has no WebGL 2: turn hardware acceleration on, or use another browser");
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error("the graphics driver refuses the shaders");
  gl.useProgram(program);
  const place = (name) => gl.getUniformLocation(program, name);
  const uniforms = { projection: place("projection"), view: place("view"), gloss: place("gloss"), cutoff: place("cutoff") };
  const positions = new Float32Array(model.rest.length), normals = new Float32Array(model.rest.length);
  const buffers = [];
  for (const [location, width, kind, data] of [
    [0, 3, gl.FLOAT, positions], [1, 3, gl.FLOAT, normals], [2, 4, gl.UNSIGNED_SHORT, model.colours],
    ...(model.places ? [[3, 2, gl.FLOAT, model.places]] : []),
  ]) {
    buffers.push(gl.createBuffer());
    gl.bindBuffer(gl.ARRAY_BUFFER, buffers[location]);
    gl.bufferData(gl.ARRAY_BUFFER, data, location < 2 ? gl.DYNAMIC_DRAW : gl.STATIC_DRAW);
    gl.enableVertexAttribArray(location);
    gl.vertexAttribPointer(location, width, kind, kind !== gl.FLOAT, 0, 0);
  }
  const total = model.parts.reduce((sum, part) => sum + part.indices.length, 0);
  const indices = new Uint32Array(total);
  let start = 0;
  for (const part of model.parts) {
    indices.set(part.indices, start);
    part.start = start;
    start += part.indices.length;
  }
  gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
  gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, indices, gl.STATIC_DRAW);
  const plain = makeTexture(gl, new ImageData(new Uint8ClampedArray([255, 255, 255, 255]), 1, 1), {});
  const textures = await Promise.all(model.pictures.map(async ({ data, ...wrap }) => {
    const options = { colorSpaceConversion: "none", premultiplyAlpha: "none" };
    return makeTexture(gl, await createImageBitmap(data, options), wrap);
  }));
  gl.enable(gl.DEPTH_TEST);
  gl.clearColor(0, 0, 0, 0);

  return function draw(time, camera) {
    const ratio = window.devicePixelRatio || 1;
    const width = Math.max(1, Math.round(canvas.clientWidth * ratio));
    const height = Math.max(1, Math.round(canvas.clientHeight * ratio));
    if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
    pose(model, time, positions);
    computeNormals(model, positions, normals);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffers[0]);
    gl.bufferSubData(gl.ARRAY_BUFFER, 0, positions);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffers[1]);
    gl.bufferSubData(gl.ARRAY_BUFFER, 0, normals);
    gl.viewport(0, 0, width, height);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.uniformMatrix4fv(uniforms.projection, false, perspective(camera, width / height));
    gl.uniformMatrix4fv(uniforms.view, false, multiply(lookAt(camera), placement(model, time)));
    for (const part of model.parts) {
      (part.thin ? gl.disable : gl.enable).call(gl, gl.CULL_FACE);
      gl.uniform1f(uniforms.gloss, part.shiny ? 0.6 : 0.05);
      gl.uniform1f(uniforms.cutoff, part.cutoff);
      gl.bindTexture(gl.TEXTURE_2D, part.picture === null ? plain : textures[part.picture]);
      gl.drawElements(gl.TRIANGLES, part.indices.length, gl.UNSIGNED_INT, 4 * part.start);
    }
  };
}

// sRGB in, so that light falls on linear colours.
function makeTexture(gl, image, { wrapS, wrapT }) {
  const texture = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.SRGB8_ALPHA8, gl.RGBA, gl.UNSIGNED_BYTE, image);
  gl.generateMipmap(gl.TEXTURE_2D);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, wrapS || gl.REPEAT);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, wrapT || gl.REPEAT);
  return texture;
}

// Column-major matrices. A picture higher than wide keeps the head's width in view.
function perspective({ fieldOfView, distance }, aspect) {
  const y = Math.min(1, aspect) / Math.tan(fieldOfView / 2), near = 0.1 * distance, far = 3 * distance;
  return [y / aspect, 0, 0, 0, 0, y, 0, 0, 0, 0, (far + near) / (near - far), -1, 0, 0, (2 * far * near) / (near - far), 0];
}

function multiply(a, b) {
  return b.map((_, k) => [0, 1, 2, 3].reduce((sum, i) => sum + a[4 * i + (k % 4)] * b[k - (k % 4) + i], 0));
}

function lookAt({ target, distance, yaw, pitch }) {
  const sy = Math.sin(yaw), cy = Math.cos(yaw), sp = Math.sin(pitch), cp = Math.cos(pitch);
  const right = [cy, 0, -sy], up = [-sy * sp, cp, -cy * sp], back = [sy * cp, sp, cy * cp];
  const dot = (a) => a[0] * target[0] + a[1] * target[1] + a[2] * target[2];
  return [
    right[0], up[0], back[0], 0, right[1], up[1], back[1], 0, right[2], up[2], back[2], 0,
    -dot(right), -dot(up), -dot(back) - distance, 1,
  ];
}
