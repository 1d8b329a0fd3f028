/** The verdict's sound, made here: no file, no request. Two rising tones for a PASS, three low ones for anything else. */
import type { Outcome } from "../../contract/state.js";
import { live } from "../live/live.js";
import { verdictsSince } from "../live/verdicts.js";
import { settings } from "../settings.js";

/** Hz, one after the other. */
const TONES = { good: [660, 880], bad: [220, 220, 165] } as const;
/** s of each tone, and from one to the next. */
const LENGTH = 0.16;
const STEP = 0.2;

let context: AudioContext | undefined;

/** Browsers make sound only after somebody touched the page: called at each touch and key. */
export function allowSound(): void {
  context ??= new AudioContext();
  if (context.state === "suspended") void context.resume();
}

/** Sounds each verdict that comes while the page is open, until the answer is called. */
export function soundVerdicts(): () => void {
  let before = live.value.state;
  return live.subscribe(() => {
    const now = live.value.state;
    for (const { verdict } of verdictsSince(before, now)) play(verdict.outcome);
    before = now;
  });
}

function play(outcome: Outcome): void {
  if (context === undefined || !settings.value.sound) return;
  const tones = outcome === "PASS" ? TONES.good : TONES.bad;
  for (const [index, frequency] of tones.entries()) tone(context, frequency, context.currentTime + index * STEP);
}

function tone(audio: AudioContext, frequency: number, at: number): void {
  const oscillator = new OscillatorNode(audio, { frequency, type: "triangle" });
  const volume = new GainNode(audio, { gain: 0 });
  // Rises and falls within 10 ms: a tone that begins at once clicks.
  volume.gain.setValueAtTime(0, at);
  volume.gain.linearRampToValueAtTime(0.5, at + 0.01);
  volume.gain.setValueAtTime(0.5, at + LENGTH - 0.01);
  volume.gain.linearRampToValueAtTime(0, at + LENGTH);
  oscillator.connect(volume).connect(audio.destination);
  oscillator.start(at);
  oscillator.stop(at + LENGTH);
}
