/** The console's two cookies. The `__Host-` prefix has the browser keep them to this host, this path and TLS. */

export const SESSION_COOKIE = "__Host-kms-console";
export const LANGUAGE_COOKIE = "__Host-kms-language";

const YEAR = 31_536_000;

/** Cookies of a request's header; of two with one name the first. */
export function readCookies(header: string | undefined): ReadonlyMap<string, string> {
  const cookies = new Map<string, string>();
  for (const pair of (header ?? "").split(";")) {
    const at = pair.indexOf("=");
    const name = pair.slice(0, at).trim();
    if (at > 0 && !cookies.has(name)) cookies.set(name, pair.slice(at + 1).trim());
  }
  return cookies;
}

/** Lives as long as the browser; the server ends it earlier. */
export const sessionCookie = (token: string) => `${SESSION_COOKIE}=${token}; Path=/; Secure; HttpOnly; SameSite=Strict`;

export const endedCookie = `${SESSION_COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0`;

export const languageCookie = (language: string) =>
  `${LANGUAGE_COOKIE}=${language}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=${YEAR}`;
