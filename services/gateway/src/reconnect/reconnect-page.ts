// The page behind a reconnect link, in plain HTML that works everywhere: asks for the new password, or says what became of it.

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escape = (text: string) => text.replace(/[&<>"']/g, (one) => escapes[one]!);

const style = `
:root{color-scheme:light dark;font:1rem/1.55 system-ui,sans-serif}
body{max-width:28rem;margin:0 auto;padding:12vh 1rem 2rem}
h1{font-size:1.375rem;overflow-wrap:anywhere}
label{display:block;font-weight:600;margin-bottom:.25rem}
input{width:100%;box-sizing:border-box;font:inherit;padding:.5rem .75rem;border:1px solid #868e96;border-radius:8px}
.button{display:inline-block;text-decoration:none}
button,.button{margin-top:1rem;font:inherit;font-weight:600;padding:.5rem 1.25rem;border:0;border-radius:8px;background:#0b7468;color:#fff;cursor:pointer}
.trouble{border-left:4px solid #e03131;padding:.25rem 0 .25rem .75rem;margin:1rem 0}
.quiet{font-size:.875rem}`;

function page(title: string, body: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><link rel="icon" href="/icon.svg"><title>${escape(title)} · Rejoinder</title><style>${style}</style>
<body><main><img src="/icon.svg" width="44" height="44" alt=""><h1>${escape(title)}</h1>${body}</main></body></html>`;
}

/** Troubles are what came of the last try, in sentences. */
export function formPage(address: string, troubles: readonly string[] = []): string {
  const told =
    troubles.length === 0 ? '' : `<div class="trouble" role="alert">${troubles.map((one) => `<p>${escape(one)}</p>`).join('')}</div>`;
  return page(
    `Connect ${address} again`,
    `<p>Rejoinder cannot sign in to this mailbox any more. Enter its password, or the app password that your provider wants for mail programs.</p>${told}
<form method="post" autocomplete="on"><input type="hidden" name="username" autocomplete="username" value="${escape(address)}">
<label for="password">Password</label><input id="password" name="password" type="password" autocomplete="current-password" required maxlength="1000"
${troubles.length === 0 ? '' : 'aria-invalid="true" '}autofocus>
<button type="submit">Test and save</button></form>
<p class="quiet">It is tried with the mail servers of ${escape(address)} before it is kept, which may take half a minute. What came meanwhile is read then.</p>`,
  );
}

/** Where the owner signs in at a provider's page instead. */
export function signInPage(address: string, token: string): string {
  return page(
    `Connect ${address} again`,
    `<p>Rejoinder cannot sign in to this mailbox any more. Its provider asks you on its own page and leads you back here; Rejoinder never sees your password.</p>
<p><a class="button" href="/reconnect/${encodeURIComponent(token)}/sign-in">Sign in at the provider</a></p>
<p class="quiet">What came meanwhile is read then.</p>`,
  );
}

export function donePage(address: string): string {
  return page(`${address} is connected again`, '<p>What came meanwhile is being read. You can close this page.</p>');
}

export function sentencePage(title: string, sentence: string): string {
  return page(title, `<p>${escape(sentence)}</p>`);
}
