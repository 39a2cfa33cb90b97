// What glTF's own validator says of files: node validate.mjs FILE... prints errors and warnings of each as JSON.
import { readFileSync } from "node:fs";
import validator from "gltf-validator";

const found = {};
for (const file of process.argv.slice(2)) {
  const { issues } = await validator.validateBytes(new Uint8Array(readFileSync(file)), { maxIssues: 1000 });
  found[file] = issues.messages
    .filter(({ severity }) => severity < 2)
    .map(({ code, message, pointer }) => `${code} at ${pointer}: ${message}`);
}
console.log(JSON.stringify(found));
