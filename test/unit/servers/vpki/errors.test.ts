import { describe, expect, it } from "vitest";
import { certificateTypes } from "../../../../src/pki/types.js";
import { everyVpkiAnswer, PATHS } from "./errors-suite.js";
import { csrPem, issueBody, serve } from "./helpers.js";

everyVpkiAnswer(() => serve());

describe("a server whose store is closed", () => {
  it("answers 500 on each of the fifteen endpoints, and tells nothing more", async () => {
    const broken = await serve();
    await broken.stores.close();
    for (const type of certificateTypes) {
      const body = issueBody(type, await csrPem(type));
      for (const path of ["issue", "reissue"])
        expect(await broken.post(`${PATHS[type]}/${path}`, body)).toEqual({
          status: 500,
          body: { resultMessage: "Internal Server Error" },
        });
      expect(await broken.post(`${PATHS[type]}/revoke`, { dn: "cn=a" })).toEqual({
        status: 500,
        body: { resultMessage: "Internal Server Error" },
      });
    }
    await broken.end();
  });
});
