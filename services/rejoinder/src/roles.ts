// The eight roles of the services, and the intake, a part of sync that runs on its own; each is imported only when it is to run.
import type { Role } from '@rejoinder/runtime/role';
import type { Environment } from '@rejoinder/runtime/config';
import { services, type ServiceName } from '@rejoinder/runtime/services';

export type RoleName = ServiceName | 'intake';

export const roleNames: readonly RoleName[] = [...services, 'intake'];

const loaders: Record<RoleName, () => Promise<{ role: Role }>> = {
  gateway: () => import('@rejoinder/gateway/role'),
  connections: () => import('@rejoinder/connections/role'),
  sync: () => import('@rejoinder/sync/role'),
  intake: () => import('@rejoinder/sync/intake'),
  threading: () => import('@rejoinder/threading/role'),
  attachment: () => import('@rejoinder/attachment/role'),
  sending: () => import('@rejoinder/sending/role'),
  timeline: () => import('@rejoinder/timeline/role'),
  retention: () => import('@rejoinder/retention/role'),
};

/** The roles by their names, loaded. */
export async function loadRoles(names: readonly RoleName[]): Promise<Role[]> {
  return Promise.all(names.map(async (name) => (await loaders[name]()).role));
}

/** What one process runs that runs everything: the intake only where it is said where it listens, since it is open to the world. */
export const allIn = (env: Environment): readonly RoleName[] => (env.REJOINDER_INTAKE_LISTEN ? roleNames : services);
