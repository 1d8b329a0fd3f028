/** The look of the console: the palette and measures of the operator page, without scripts, fonts or pictures of anybody else. */

/** Colours by their use, light and dark; test/unit/servers/kms/console checks the contrast of every pair. */
export const PALETTE = {
  light: {
    background: "#F4F5F6",
    surface: "#FFFFFF",
    text: "#15191D",
    muted: "#5A646D",
    line: "#767F87",
    act: "#0B5CAD",
    onAct: "#FFFFFF",
    pass: "#1B7F3B",
    fail: "#B3261E",
    attention: "#8A5A00",
  },
  dark: {
    background: "#16191C",
    surface: "#1F2428",
    text: "#E8EBED",
    muted: "#9AA5AE",
    line: "#7C8790",
    act: "#6CB2FF",
    onAct: "#16191C",
    pass: "#3FBF6B",
    fail: "#FF7A70",
    attention: "#F2B84B",
  },
} as const;

const variables = (palette: Readonly<Record<string, string>>) =>
  Object.entries(palette)
    .map(([name, colour]) => `--${name}: ${colour};`)
    .join(" ");

/** Smallest height of whatever is touched, px. */
export const TARGET = 64;

export const STYLE = `
:root { color-scheme: light dark; ${variables(PALETTE.light)} }
@media (prefers-color-scheme: dark) { :root { ${variables(PALETTE.dark)} } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--background); color: var(--text); font: 16px/1.5 "Pretendard", "Noto Sans KR", system-ui, sans-serif; position: relative; }
a { color: var(--act); }
:focus-visible { outline: 3px solid var(--act); outline-offset: 2px; }
.skip { position: absolute; left: -9999px; }
.skip:focus { left: 8px; top: 8px; background: var(--surface); padding: 16px; z-index: 1; }
.bar { display: flex; flex-wrap: wrap; align-items: center; gap: 8px; min-height: ${TARGET}px; padding: 0 176px 0 16px; background: var(--surface); border-bottom: 1px solid var(--line); }
.bar strong { margin-right: 16px; }
.bar a, .bar button, .language a, .language button { display: inline-flex; align-items: center; min-height: ${TARGET}px; min-width: ${TARGET}px; padding: 0 16px; justify-content: center; color: var(--text); background: transparent; border: 0; border-radius: 0; font: inherit; text-decoration: none; cursor: pointer; }
.bar a[aria-current] { border-bottom: 4px solid var(--act); padding-top: 4px; }
.bar form { margin-left: auto; display: flex; align-items: center; gap: 8px; color: var(--muted); }
.language { position: absolute; top: 0; right: 16px; display: flex; }
.language [aria-current] { font-weight: 700; text-decoration: underline; }
main { max-width: 1120px; margin: 0 auto; padding: 16px; }
h1 { font-size: 24px; margin: 16px 0; }
h2 { font-size: 18px; margin: 24px 0 8px; }
.head { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: 16px; }
table { width: 100%; border-collapse: collapse; background: var(--surface); font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; }
th, td { text-align: left; padding: 8px 12px; border-bottom: 1px solid var(--line); vertical-align: middle; }
th { color: var(--muted); font-weight: 600; }
th a, td a { display: inline-flex; align-items: center; min-height: ${TARGET}px; min-width: ${TARGET}px; }
code { font-family: ui-monospace, "Cascadia Mono", monospace; user-select: all; overflow-wrap: anywhere; }
.muted { color: var(--muted); }
.on { color: var(--pass); }
.off { color: var(--fail); }
.note { border-left: 4px solid var(--attention); background: var(--surface); padding: 16px; margin: 16px 0; }
.done { border-left-color: var(--pass); }
.wrong { border-left-color: var(--fail); }
.field { margin: 16px 0; max-width: 640px; }
.field label, legend { display: block; font-weight: 600; }
.hint { color: var(--muted); margin: 0; }
.error { color: var(--fail); margin: 0; }
fieldset { border: 1px solid var(--line); background: var(--surface); margin: 16px 0; padding: 8px 16px; }
input[type=text], input[type=password], input[type=search], select { width: 100%; min-height: ${TARGET}px; padding: 8px 16px; font: inherit; color: var(--text); background: var(--surface); border: 1px solid var(--line); }
input[readonly] { color: var(--muted); background: var(--background); }
input[aria-invalid=true] { border: 2px solid var(--fail); }
.slots input[type=text] { width: ${TARGET}px; text-align: center; }
.tick { display: inline-flex; align-items: center; gap: 12px; min-height: ${TARGET}px; min-width: ${TARGET}px; padding-right: 24px; font-weight: 400; }
.slots .tick { justify-content: center; padding: 0; }
input[type=checkbox], input[type=radio] { width: 24px; height: 24px; accent-color: var(--act); }
.actions { display: flex; flex-wrap: wrap; gap: 16px; margin: 24px 0; }
.button { display: inline-flex; align-items: center; min-height: ${TARGET}px; padding: 0 32px; font: inherit; font-weight: 600; color: var(--onAct); background: var(--act); border: 2px solid var(--act); cursor: pointer; text-decoration: none; }
.plain { color: var(--act); background: var(--surface); }
.danger { color: var(--fail); background: var(--surface); border-color: var(--fail); }
form.search { display: flex; flex-wrap: wrap; gap: 16px; align-items: end; }
.empty { background: var(--surface); padding: 32px; color: var(--muted); }
`;
