// Hears the API's event stream as a page would, and notes when a mail's text stood on a timeline.

export interface TimelineEvents {
  /** Time (performance.now()) at which the text of a mail was said to be on a timeline, by mail_id. */
  loggedAt: Map<string, number>;
  stop(): void;
}

export async function hearTimeline(base: string, apiKey: string): Promise<TimelineEvents> {
  const abort = new AbortController();
  const response = await fetch(`${base}/v1/events`, { headers: { authorization: `Bearer ${apiKey}` }, signal: abort.signal });
  if (!response.ok || !response.body) throw new Error(`the event stream answered ${response.status}`);
  const loggedAt = new Map<string, number>();
  void read(response.body, (line) => {
    if (!line.startsWith('data: ')) return;
    const event = JSON.parse(line.slice(6)) as { type: string; mail_id?: string; text_ready?: boolean };
    if (event.type === 'EngagementLogged' && event.text_ready && event.mail_id && !loggedAt.has(event.mail_id))
      loggedAt.set(event.mail_id, performance.now());
  }).catch((error: Error) => {
    if (error.name !== 'AbortError') throw error;
  });
  return { loggedAt, stop: () => abort.abort() };
}

async function read(body: ReadableStream<Uint8Array>, onLine: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop()!;
    lines.forEach(onLine);
  }
}
