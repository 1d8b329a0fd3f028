/** One certificate: key pair and CSR in the target, leaf from the vPKI, checked, installed, read back and proven. */
import { type Certificate, parseCertificate } from "../../../pki/certificate.js";
import { checkIssued, verifyChain } from "../../../pki/chain.js";
import { encodePem, parseCsr, verifyCsr } from "../../../pki/csr.js";
import { readPublicKey, verifySignature } from "../../../pki/keys.js";
import { decodeName, sameName } from "../../../pki/names.js";
import { CERTIFICATE_TYPES } from "../../../pki/types.js";
import type { ProfileCertificate } from "../../../profiles/schema.js";
import { abortable } from "../../../shared/abort.js";
import { equalBytes } from "../../../shared/bytes.js";
import { isStationError, StationError } from "../../../shared/errors.js";
import type { CertificateChain, IssueAnswer } from "../../ports.js";
import { Ahead } from "../ahead.js";
import { type CertificateOrder, certificateOrder } from "../inputs.js";
import { certificateOf } from "../plan.js";
import type { Run, StepScope } from "../run.js";
import { askKeysAhead } from "./key.js";
import { sha256 } from "./verify.js";

/** How many key pairs are made before the vPKI's "key used" counts as its fault. */
const MAX_KEY_PAIRS = 3;
const CHALLENGE_LENGTH = 32;
const WIRE: ReadonlySet<string> = new Set(["transport", "uds"]);

type Operation = "issue" | "reissue";

interface Work {
  readonly run: Run;
  readonly scope: StepScope;
  readonly certificate: ProfileCertificate;
  readonly order: CertificateOrder;
}

/** A request that the journal notes before it is sent; public data, so that it can be sent again word for word. */
interface NotedRequest {
  readonly attempt: number;
  readonly operation: Operation;
  /** The station's time when it was made, ms since the epoch; missing in journals of version 1. */
  readonly at?: number;
  /** Whom it is for; missing in journals from before they were noted. */
  readonly ecuId?: string;
  readonly dn?: string;
  /** What it is, and where it goes; missing in journals from before they were noted. */
  readonly type?: string;
  readonly slot?: number;
  /** DER, base64. */
  readonly csr: string;
  /** DER, base64, once it was answered. */
  leaf?: string;
}

export async function certificateStep(run: Run, scope: StepScope, certificate: ProfileCertificate): Promise<void> {
  const order = certificateOrder(certificate, run.header.inputs);
  const work = { run, scope, certificate, order };
  scope.fact({ type: certificate.type, slot: certificate.slot, dn: order.dn });
  const noted = notedRequest(scope);
  if (noted !== undefined && (await goOn(work, noted))) return;
  const ahead = takeAhead(work);
  let operation = noted?.operation;
  const first = (noted?.attempt ?? 0) + 1;
  for (let attempt = first; attempt < first + MAX_KEY_PAIRS; attempt++) {
    const obtained = attempt === first && ahead !== undefined ? await ahead : await request(work, attempt, operation);
    if (obtained !== undefined) {
      await installAndProve(work, obtained);
      return;
    }
    // The key was certified before, so this DN is known to the vPKI.
    operation = "reissue";
  }
  throw new StationError("VPKI_REJECTED", {
    details: { status: 403, what: `${MAX_KEY_PAIRS} fresh keys were used before` },
  });
}

/** A fresh key pair and its certificate; undefined when its key was used before. */
async function request(work: Work, attempt: number, operation: Operation | undefined): Promise<Obtained | undefined> {
  const { noted } = await makeRequest(work, attempt, operation);
  const obtaining = obtain(work, noted);
  obtaining.catch(() => undefined);
  await askAhead(work);
  return obtaining;
}

interface MadeRequest {
  /** Resolves when the request is checked and in the journal. */
  readonly noted: Promise<NotedRequest>;
}

/** A fresh key pair in the target and its CSR; the bus is free when this resolves, and the request is noted meanwhile. */
async function makeRequest(work: Work, attempt: number, known: Operation | undefined): Promise<MadeRequest> {
  const operation = known ?? (await firstOperation(work));
  const csr = await readCsr(work);
  const noted = noteRequest(work, attempt, operation, csr);
  noted.catch(() => undefined);
  return { noted };
}

async function noteRequest(work: Work, attempt: number, operation: Operation, csr: Uint8Array): Promise<NotedRequest> {
  const { run, scope, certificate, order } = work;
  await checkCsr(work, csr);
  const at = run.deps.clock.now();
  const { type, slot } = certificate;
  const noted = { attempt, operation, at, ecuId: run.unit.ecuId, dn: order.dn, type, slot, csr: base64(csr) };
  await scope.note({ request: noted });
  return noted;
}

/** The next certificate's answer: undefined when its key was used before. */
export interface CertificateAhead {
  readonly obtained: Obtained | undefined;
  readonly facts: Readonly<Record<string, unknown>>;
}

/**
 * While the vPKI works on this certificate, the bus works on the next one's key pair and CSR; its answer then comes while this one is
 * installed. What goes wrong with it is told by its own step.
 */
async function askAhead({ run, scope }: Work): Promise<void> {
  const [step] = run.fresh(scope.step);
  const certificate = step === undefined ? undefined : certificateOf(run.deps.profile, step);
  if (step === undefined || certificate === undefined || run.ahead.certificate !== undefined) return;
  const facts: Record<string, unknown> = {};
  const workOf = (signal: AbortSignal): Work => ({
    run,
    certificate,
    order: certificateOrder(certificate, run.header.inputs),
    scope: {
      ...scope,
      step,
      signal,
      before: [],
      note: (data) => run.append(step, "noted", data),
      fact: (more) => Object.assign(facts, more),
    },
  });
  const made = makeRequest(workOf(scope.signal), 1, undefined);
  run.ahead.certificate = new Ahead({
    step,
    fetch: async (signal) => ({ obtained: await obtain(workOf(signal), (await made).noted), facts }),
  });
  await made.catch(() => undefined);
}

/** What was asked for ahead of this step, and behind it the next one's; undefined where nothing was. */
function takeAhead(work: Work): Promise<Obtained | undefined> | undefined {
  const { run, scope } = work;
  const { certificate } = run.ahead;
  if (certificate?.step !== scope.step) return undefined;
  run.ahead.certificate = undefined;
  scope.signal.addEventListener("abort", () => certificate.stop(), { once: true });
  return (async () => {
    await askAhead(work);
    const { obtained, facts } = await abortable(certificate.answer, scope.signal);
    scope.fact(facts);
    return obtained;
  })();
}

function notedRequest(scope: StepScope): NotedRequest | undefined {
  let last: NotedRequest | undefined;
  for (const { data } of scope.before) {
    if (data.request !== undefined) last = { ...(data.request as NotedRequest) };
    if (typeof data.leaf === "string" && last !== undefined) last.leaf = data.leaf;
  }
  return last;
}

/** Goes on with a request of an earlier life; false when that leads nowhere and a new key pair is due. */
async function goOn(work: Work, noted: NotedRequest): Promise<boolean> {
  const obtained = await obtain(work, Promise.resolve(noted));
  if (obtained === undefined) return false;
  try {
    await installAndProve(work, obtained);
    work.scope.fact({ settled: "noted request" });
    return true;
  } catch (error) {
    // The target's waiting key pair may have been replaced meanwhile.
    if (isStationError(error, "TARGET_CERT_REFUSED") || isStationError(error, "TARGET_CERT_MISMATCH")) return false;
    throw error;
  }
}

async function firstOperation({ run, scope, certificate, order }: Work): Promise<Operation> {
  const { ecuId } = run.unit;
  const [asked, held] = await Promise.all([
    run.deps.ledger.askedBefore({ ecuId, dn: order.dn, runId: run.runId }),
    run.target.readCertificate(certificate.slot, scope.signal),
  ]);
  // What an earlier run was given and never installed, or never received, is superseded by a reissue.
  if (asked) return "reissue";
  if (held === undefined) return "issue";
  try {
    return sameName(decodeName(parseCertificate(held).subject), order.subject) ? "reissue" : "issue";
  } catch (error) {
    if (isStationError(error, "PKI_UNREADABLE")) return "issue";
    throw error;
  }
}

function readCsr({ run, scope, certificate, order }: Work): Promise<Uint8Array> {
  const { name, slot, type } = certificate;
  const { curve } = CERTIFICATE_TYPES[type];
  const request = { name, slot, curve, subject: order.subjectDer, attributes: order.attributes };
  return run.target.makeCsr(request, scope.signal);
}

async function checkCsr({ certificate, order }: Work, der: Uint8Array): Promise<void> {
  const { name, type } = certificate;
  const invalid = (what: string, cause?: unknown) =>
    new StationError("TARGET_CSR_INVALID", { details: { name, what }, cause });
  let csr: ReturnType<typeof parseCsr>;
  try {
    csr = parseCsr(der);
  } catch (error) {
    throw invalid("it cannot be read", error);
  }
  if (!equalBytes(csr.subject, order.subjectDer)) throw invalid("its subject is another one");
  const check = await verifyCsr(csr, CERTIFICATE_TYPES[type]);
  if (!check.ok) throw invalid(check.what);
}

/** The leaf for a noted request; undefined when its key was used before. */
async function ask(work: Work, noted: NotedRequest): Promise<Uint8Array | undefined> {
  const { run, scope, order } = work;
  const { vpki } = run.deps;
  const csrPem = encodePem(fromBase64(noted.csr), "CERTIFICATE REQUEST");
  const request = { ...order.request, csrPem };
  const id = (operation: Operation) => `${run.runId}:${scope.step}:${operation}:${noted.attempt}`;
  let { operation } = noted;
  let answer: IssueAnswer;
  if (operation === "reissue") {
    answer = await vpki.reissue(request, id("reissue"), scope.signal);
    if (answer.kind === "unknown-dn") {
      operation = "issue";
      answer = await vpki.issue(request, id("issue"), scope.signal);
    }
  } else {
    answer = await vpki.issue(request, id("issue"), scope.signal);
  }
  if (answer.kind === "key-used") return undefined;
  if (answer.kind === "unknown-dn")
    throw new StationError("VPKI_FAULT", { details: { what: `404 to the issue of ${order.dn}` } });
  scope.fact({ operation });
  await scope.note({ leaf: base64(answer.certificate) });
  return answer.certificate;
}

/** A certificate that may be installed. */
interface Obtained {
  readonly leaf: Uint8Array;
  readonly chain: CertificateChain;
  readonly issued: Certificate;
}

/** The certificate for a request, once that is noted, checked; undefined when its key was used before. */
async function obtain(work: Work, noting: Promise<NotedRequest>): Promise<Obtained | undefined> {
  const { run, scope } = work;
  const noted = await noting;
  const leaf = noted.leaf === undefined ? await ask(work, noted) : fromBase64(noted.leaf);
  if (leaf === undefined) return undefined;
  const chain = await run.deps.vpki.chain(leaf, scope.signal);
  return { leaf, chain, issued: await checkLeaf(work, noted, leaf, chain) };
}

async function installAndProve(work: Work, { leaf, chain, issued }: Obtained): Promise<void> {
  askKeysAhead(work.run, work.scope);
  await install(work, leaf, chain);
  await prove(work, issued);
  work.scope.fact({
    serial: issued.serial,
    notAfter: new Date(issued.notAfter).toISOString(),
    sha256: sha256(leaf),
  });
}

async function checkLeaf(
  work: Work,
  noted: NotedRequest,
  leaf: Uint8Array,
  chain: CertificateChain,
): Promise<Certificate> {
  const { run, certificate, order } = work;
  const { name, type } = certificate;
  const invalid = (what: string) => new StationError("VPKI_CERT_INVALID", { details: { name, what } });
  const { publicKey } = parseCsr(fromBase64(noted.csr));
  const issued = checkIssued({ certificate: leaf, type, subject: order.subject, publicKey });
  if (!issued.ok) throw invalid(issued.what);
  const now = run.deps.clock.now();
  let path = await verifyChain({ leaf, ...chain, at: now });
  // A clock that was set back meanwhile is before the certificate's time; it was right when that was asked for.
  if (!path.ok && (noted.at ?? now) > now) path = await verifyChain({ leaf, ...chain, at: noted.at ?? now });
  if (!path.ok) throw invalid(path.what);
  return issued.certificate;
}

/** Installs and reads back; a lost answer is settled by what the slot holds. */
async function install({ run, scope, certificate }: Work, leaf: Uint8Array, chain: CertificateChain): Promise<void> {
  const { name, slot } = certificate;
  const { signal } = scope;
  /** Undefined where it holds the leaf. */
  const other = async () => {
    const held = await run.target.readCertificate(slot, signal);
    if (held === undefined) return "the slot holds no certificate";
    return equalBytes(held, leaf) ? undefined : "it reads back another one";
  };
  try {
    await run.target.installCertificate(slot, leaf, chain, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!isStationError(error) || !WIRE.has(error.layer)) throw error;
    // The same leaf again is harmless (ecu-interface.md, routine 0221).
    if ((await other()) !== undefined) await run.target.installCertificate(slot, leaf, chain, signal);
  }
  const what = await other();
  if (what !== undefined) throw new StationError("TARGET_CERT_MISMATCH", { details: { name, what } });
}

async function prove({ run, scope, certificate }: Work, issued: Certificate): Promise<void> {
  const { name, slot, type } = certificate;
  const challenge = run.deps.random(CHALLENGE_LENGTH);
  const signature = await run.target.prove(slot, challenge, scope.signal);
  const { hash } = CERTIFICATE_TYPES[type];
  if (!(await verifySignature(readPublicKey(issued.spki), hash, challenge, signature)))
    throw new StationError("TARGET_PROOF_FAILED", {
      details: { name, what: "the signature is not by the certified key" },
    });
  scope.fact({ proof: hash });
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}

function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "base64"));
}
