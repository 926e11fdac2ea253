// Keeps the page true by itself: what the server says has changed is asked for again.
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';

const about: Record<string, string[][]> = {
  inbox: [['inboxes']],
  engagement: [['timeline'], ['contacts'], ['contact'], ['explanation'], ['left']],
  contact: [['contacts'], ['contact']],
  send: [['timeline']],
  attachment: [['timeline']],
};

const events: Record<string, keyof typeof about> = {
  InboxConnected: 'inbox',
  InboxDisconnected: 'inbox',
  InboxSideStopped: 'inbox',
  InboxSideMended: 'inbox',
  InboxReconnected: 'inbox',
  InboxPaused: 'inbox',
  InboxRemoved: 'inbox',
  SettingsChanged: 'inbox',
  EngagementLogged: 'engagement',
  EngagementMoved: 'engagement',
  EngagementDeleted: 'engagement',
  ContactChanged: 'contact',
  ContactMerged: 'contact',
  MailSent: 'send',
  SendFailed: 'send',
  SendUnconfirmed: 'send',
  AttachmentStored: 'attachment',
  AttachmentRejected: 'attachment',
};

/** Listens as long as the page is open; false while the stream is broken. The browser connects again by itself and resumes where it was. */
export function useLive(): boolean {
  const data = useQueryClient();
  const [live, setLive] = useState(true);
  useEffect(() => {
    const source = new EventSource('/v1/events');
    source.onopen = () => setLive(true);
    source.onerror = () => setLive(false);
    // Away for longer than events are kept: anything may have changed.
    source.addEventListener('EventsMissed', () => void data.invalidateQueries());
    for (const [name, topic] of Object.entries(events)) {
      source.addEventListener(name, () => {
        for (const queryKey of about[topic]!) void data.invalidateQueries({ queryKey });
      });
    }
    return () => source.close();
  }, [data]);
  return live;
}
