// Bundles the pages' scripts with their libraries into static/build, so that the portal serves everything itself.
import { build } from "esbuild";

await build({
  absWorkingDir: import.meta.dirname,
  entryPoints: ["live.js", "submit.js", "hash_worker.js", "result.js", "submission.js", "analyses.js", "distribution_page.js"],
  outdir: "../static/build",
  bundle: true,
  minify: true,
  format: "esm",
  target: ["es2022"],
  legalComments: "linked", // the licences of the libraries stand beside the bundles
  logLevel: "info",
});
