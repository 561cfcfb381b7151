// Prints the size of the package in a page, minified and gzipped, and fails if it is over the limit.
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const LIMIT = 12 * 1024;

async function size(what, imports, used) {
  const { outputFiles } = await build({
    stdin: { contents: `import ${imports} from "./src/index.ts"; globalThis.used = ${used};`, resolveDir: "." },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    write: false,
  });
  const minified = outputFiles[0].contents;
  const gzipped = gzipSync(minified, { level: 9 }).length;
  console.log(`${what}: ${minified.length} bytes minified, ${gzipped} bytes gzipped`);
  return gzipped;
}

// As generated code uses the package: `connect`, calls both ways, streams, errors, and the types that most services have.
const types = ["bool", "bytes", "f64", "list", "omittable", "optional", "record", "struct", "text", "tuple", "u32", "u64", "unit", "variants"];
const page = await size("a page", "{ connect, errorClass, service, t }", `[connect, errorClass, service, ${types.map((name) => `t.${name}`)}]`);
await size("all of chirp-rpc", "* as chirp", "chirp");
if (page > LIMIT) {
  console.error(`the page is over ${LIMIT} bytes`);
  process.exit(1);
}
