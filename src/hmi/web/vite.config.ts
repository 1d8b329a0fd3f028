/** Builds the operator page into dist/hmi: one script and one style sheet, all of it served by the station itself. */
import { defineConfig } from "vite";

export default defineConfig({
  base: "/",
  publicDir: false,
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../../../dist/hmi",
    emptyOutDir: true,
    // light-dark() and container queries as they stand.
    target: "chrome123",
    modulePreload: false,
    // The policy of the page allows no data: addresses.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  },
});
