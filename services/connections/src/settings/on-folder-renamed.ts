// Takes that a chosen folder has another name: the settings follow it.
import { Controller } from '@nestjs/common';
import { Fault } from '@rejoinder/base/fault';
import { isId } from '@rejoinder/base/id';
import { deadLetter, done, skip, type Outcome, type Received } from '@rejoinder/bus/event';
import { On } from '@rejoinder/bus/on';
import { FolderRenamedSchema } from '@rejoinder/contracts/events/sync';
import { renamedFolder } from './inbox-settings.js';
import { SettingsStore } from './settings-store.js';

type Renamed = Received<typeof FolderRenamedSchema>;

@Controller()
export class OnFolderRenamed {
  constructor(private readonly store: SettingsStore) {}

  @On(FolderRenamedSchema)
  async folderRenamed(batch: Renamed[]): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    for (const one of batch) outcomes.push(await this.#take(one));
    return outcomes;
  }

  /** Told twice, it finds the old name no more. */
  async #take({ event: { tenantId }, message: { inboxId, oldPath, newPath } }: Renamed): Promise<Outcome> {
    if (!isId(inboxId) || newPath === '') return deadLetter('no folder of an inbox');
    try {
      await this.store.change(tenantId, inboxId, (before) => renamedFolder(before, oldPath, newPath));
      return done;
    } catch (error) {
      if (error instanceof Fault && error.kind === 'not_found') return skip('the inbox is gone');
      throw error;
    }
  }
}
