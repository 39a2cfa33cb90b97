// What three.js makes of a glTF file: node three_reads.mjs FILE TIMES [VERTEX] prints, for each time of the JSON list,
// weights of morph targets by mesh, and world matrices of all nodes by name; with VERTEX, where it is of each mesh.
import { readFileSync } from "node:fs";
import * as THREE from "three";
import { GLTFLoader } from "three/examples/jsm/loaders/GLTFLoader.js";
import { VRMLoaderPlugin } from "@pixiv/three-vrm";

globalThis.self = globalThis;
const [file, times, vertex] = process.argv.slice(2);
const data = readFileSync(file);
const loader = new GLTFLoader();
loader.register((parser) => new VRMLoaderPlugin(parser));
const buffer = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
const { scene, animations, userData } = await loader.parseAsync(buffer, "");
const mixer = new THREE.AnimationMixer(scene);
mixer.clipAction(animations[0]).play();

const shown = JSON.parse(times).map((time) => {
  mixer.setTime(time);
  scene.updateMatrixWorld(true);
  const nodes = {}, weights = {}, places = {};
  scene.traverse((node) => {
    nodes[node.name] = node.matrixWorld.toArray();
    if (!node.morphTargetDictionary) return;
    const dictionary = Object.entries(node.morphTargetDictionary);
    weights[node.name] = Object.fromEntries(dictionary.map(([name, k]) => [name, node.morphTargetInfluences[k]]));
    if (vertex === undefined) return;
    const place = node.getVertexPosition(Number(vertex), new THREE.Vector3());
    places[node.name] = node.localToWorld(place).toArray();
  });
  return { nodes, weights, places };
});
const vrm = userData.vrm && {
  version: userData.vrm.meta.metaVersion,
  head: userData.vrm.humanoid.getRawBoneNode("head").name,
  expressions: Object.keys(userData.vrm.expressionManager.expressionMap),
};
console.log(JSON.stringify({ clip: animations[0].name, duration: animations[0].duration, shown, vrm: vrm || null }));
