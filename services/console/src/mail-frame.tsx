// The mail as its sender wrote it, in a frame that may neither run scripts nor load anything.
import { Anchor, Stack } from '@mantine/core';

const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

export function MailFrame({ html, onClose }: { html: string; onClose: () => void }) {
  const page = `<!doctype html><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}"><base target="_blank"><style>body{font:15px/1.5 system-ui,sans-serif;margin:12px;overflow-wrap:anywhere;background:#fff;color:#111}</style>${html}`;
  return (
    <Stack gap={4}>
      <iframe title="The mail as it was written" sandbox="allow-popups" referrerPolicy="no-referrer" srcDoc={page} className="mailFrame" />
      <Anchor component="button" size="xs" c="dimmed" ta="left" onClick={onClose}>
        Show as plain text
      </Anchor>
    </Stack>
  );
}
