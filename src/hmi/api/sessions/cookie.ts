/** The page's one cookie. Browsers send cookies to every port of a host: its name tells stations on one machine apart. */

export interface Cookie {
  readonly name: string;
  /** Of a request's header; undefined where there is none. */
  read(header: string | undefined): string | undefined;
  /** Lives as long as the browser; the server ends it earlier. */
  set(token: string): string;
  readonly ended: string;
}

/** @param secure over TLS: the `__Host-` prefix has the browser keep it to this host and TLS */
export function pageCookie(port: number, secure: boolean): Cookie {
  const name = `${secure ? "__Host-" : ""}ecustation-${port}`;
  const attributes = `Path=/; HttpOnly; SameSite=Strict${secure ? "; Secure" : ""}`;
  return {
    name,
    read(header) {
      for (const pair of (header ?? "").split(";")) {
        const at = pair.indexOf("=");
        if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
      }
      return undefined;
    },
    set: (token) => `${name}=${token}; ${attributes}`,
    ended: `${name}=; ${attributes}; Max-Age=0`,
  };
}
