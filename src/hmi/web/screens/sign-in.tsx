/** Signing in by a badge under the scanner, or by name and PIN. */
import { useLayoutEffect, useRef } from "preact/hooks";
import { loadSession, post } from "../api.js";
import { asLatin, latinKey } from "../operate/hangul.js";
import { isScanner } from "../operate/scanner.js";
import { useAction } from "../parts/action.js";
import { go } from "../route.js";
import { session } from "../session.js";
import { useStore } from "../store.js";
import { useTexts } from "../texts/texts.js";

export function SignIn() {
  const { t } = useTexts();
  const users = useStore(session, (value) => value?.users);
  const user = useStore(session, (value) => value?.user);
  const badge = useRef<HTMLInputElement>(null);
  const name = useRef<HTMLInputElement>(null);
  const pin = useRef<HTMLInputElement>(null);
  const { busy, run, refused } = useAction();
  const keys = useRef<{ times: number[]; latin: string }>({ times: [], latin: "" });
  // The scanner is at hand before the keyboard is; later the focus would be taken from whoever types already.
  useLayoutEffect(() => badge.current?.focus(), []);
  const signIn = (body: object) =>
    run(async () => {
      for (const field of [badge, pin]) if (field.current !== null) field.current.value = "";
      await post("signIn", {}, body);
      await loadSession();
      go("operate");
    });
  // A badge that is scanned here is taken for what it is: it must not stay where everybody reads it.
  const onNameKey = (event: KeyboardEvent) => {
    const input = event.currentTarget;
    if (!(input instanceof HTMLInputElement)) return;
    if (input.value === "") keys.current = { times: [], latin: "" };
    const { times, latin } = keys.current;
    if (event.key === "Enter" || event.key === "Tab") {
      if (!isScanner(times)) return;
      event.preventDefault();
      const text = asLatin(input.value, latin).trim();
      // Ends an input method's syllable, which would come into the empty field otherwise.
      badge.current?.focus();
      input.value = "";
      signIn({ badge: text });
    } else if (event.key.length === 1 || event.key === "Process") {
      times.push(event.timeStamp);
      keys.current.latin += latinKey(event.code, event.shiftKey !== event.getModifierState("CapsLock"));
    }
  };
  const signOut = () => run(() => post("signOut", {}).then(loadSession));
  if (users === false) return <p class="note">{t("signIn.noUsers")}</p>;
  return (
    <div class="panel narrow">
      {user?.name === undefined ? null : (
        <p>
          {t("signIn.as", { name: user.name, role: t(`role.${user.role}`) })}{" "}
          <button type="button" class="plain" disabled={busy} onClick={signOut}>
            {t("signOut")}
          </button>
        </p>
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const text = badge.current?.value.trim() ?? "";
          if (text !== "") signIn({ badge: text });
        }}
      >
        <label>
          {t("signIn.badge")}
          <input ref={badge} type="password" autoComplete="off" maxLength={200} name="badge" />
        </label>
      </form>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          signIn({ name: name.current?.value.trim() ?? "", pin: pin.current?.value ?? "" });
        }}
      >
        <label>
          {t("signIn.name")}
          <input
            ref={name}
            type="text"
            autoComplete="username"
            required
            maxLength={60}
            name="name"
            onKeyDown={onNameKey}
          />
        </label>
        <label>
          {t("signIn.pin")}
          <input ref={pin} type="password" inputMode="numeric" autoComplete="off" required maxLength={60} name="pin" />
        </label>
        <button type="submit" class="act" disabled={busy}>
          {t("screen.sign-in")}
        </button>
      </form>
      {refused === undefined ? null : (
        <p class="note wrong" role="alert">
          {refused}
        </p>
      )}
    </div>
  );
}
