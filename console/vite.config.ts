import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

const SITE = "../functions/serve_console/site";
const MOST_BYTES = 60_000;
const TEXT = /\.(html|js|css|svg)$/;

/** Keeps each text ready in gzip and brotli, and the first load, which is all of it, small. */
function compressed(): Plugin {
  return {
    name: "compressed",
    closeBundle() {
      const names = readdirSync(SITE, { recursive: true, encoding: "utf-8" });
      let total = 0;
      for (const name of names.filter((each) => TEXT.test(each))) {
        const path = join(SITE, name);
        const body = readFileSync(path);
        const zipped = gzipSync(body, { level: 9 });
        writeFileSync(`${path}.gz`, zipped);
        writeFileSync(`${path}.br`, brotliCompressSync(body));
        total += zipped.length;
      }
      console.log(`first load: ${total} bytes gzipped`);
      if (total > MOST_BYTES) {
        throw new Error(`The first load is ${total} bytes gzipped; at most ${MOST_BYTES}.`);
      }
    },
  };
}

export default defineConfig({
  base: "./",
  build: {
    outDir: SITE,
    emptyOutDir: true,
    target: "es2022",
    modulePreload: false,
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  plugins: [compressed()],
});
