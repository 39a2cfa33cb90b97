// What three-vrm makes of an avatar that plays a VRM animation: node vrma_plays.mjs AVATAR ANIMATION TIME prints the
// values of its expressions and the turn of its head.
import { readFileSync } from "node:fs";
import * as THREE from "three";
import { GLTFLoader } from "three/examples/jsm/loaders/GLTFLoader.js";
import { VRMLoaderPlugin } from "@pixiv/three-vrm";
import { VRMAnimationLoaderPlugin, createVRMAnimationClip } from "@pixiv/three-vrm-animation";

globalThis.self = globalThis;
const [avatar, animation, time] = process.argv.slice(2);
const loader = new GLTFLoader();
loader.register((parser) => new VRMLoaderPlugin(parser));
loader.register((parser) => new VRMAnimationLoaderPlugin(parser));
const read = (file) => {
  const data = readFileSync(file);
  return loader.parseAsync(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength), "");
};
const { vrm } = (await read(avatar)).userData;
const [vrma] = (await read(animation)).userData.vrmAnimations;
const mixer = new THREE.AnimationMixer(vrm.scene);
const clip = createVRMAnimationClip(vrma, vrm);
mixer.clipAction(clip).play();
mixer.setTime(Number(time));
vrm.update(0);
vrm.scene.updateMatrixWorld(true);
const values = Object.entries(vrm.expressionManager.expressionMap).map(([name, { weight }]) => [name, weight]);
const head = vrm.humanoid.getRawBoneNode("head");
console.log(JSON.stringify({
  duration: clip.duration,
  values: Object.fromEntries(values),
  head: head.getWorldQuaternion(new THREE.Quaternion()).toArray(),
}));
