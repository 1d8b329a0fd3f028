/** The tables of all answers, put to two server processes on one database that one client asks in turn. */
import { afterAll, beforeAll, describe } from "vitest";
import { everyKmsAnswer } from "../unit/servers/kms/errors-suite.js";
import { everyVpkiAnswer } from "../unit/servers/vpki/errors-suite.js";
import { Cluster, requirePostgres } from "./cluster.js";
import { type Replica, roundRobin, startReplicas, stopAll } from "./replicas.js";

describe.runIf(requirePostgres())("two replicas on PostgreSQL", () => {
  let cluster: Cluster;
  let replicas: readonly Replica[] = [];
  beforeAll(async () => {
    cluster = await Cluster.start();
    replicas = await startReplicas(await cluster.database());
  });
  afterAll(async () => {
    await stopAll(replicas);
    await cluster?.remove();
  });

  describe("vPKI", () => everyVpkiAnswer(async () => roundRobin(replicas).vpki));
  describe("KMS", () => everyKmsAnswer(async () => roundRobin(replicas).kms));
});
