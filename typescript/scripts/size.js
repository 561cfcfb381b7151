// Prints the size of the package, minified and gzipped, and fails if it is over the limit.
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const LIMIT = 12 * 1024;

const { outputFiles } = await build({ entryPoints: ["src/index.ts"], bundle: true, minify: true, format: "esm", target: "es2022", write: false });
const minified = outputFiles[0].contents;
const size = gzipSync(minified, { level: 9 }).length;
console.log(`chirp-rpc: ${minified.length} bytes minified, ${size} bytes gzipped, of at most ${LIMIT}`);
if (size > LIMIT) process.exit(1);
