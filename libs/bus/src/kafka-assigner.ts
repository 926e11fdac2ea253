// Our partition assigner for kafkajs: equal shares by topic, and everyone keeps what they hold as far as that allows.
import { AssignerProtocol, type Assigner, type Cluster, type GroupMember, type GroupMemberAssignment } from 'kafkajs';
import { handOver, share, turnOf } from './share.js';

/** What a member says it holds, and in which generation it was last confirmed: of two who claim the same, the later is right. */
export interface Holding {
  generation: number;
  partitions: Record<string, number[]>;
}

/** What a rollout replaces, and what it replaces it by: the release of whoever was started last. */
export interface Release {
  release: string;
  /** Milliseconds since 1970, by its own clock. */
  startedAt: number;
}

type Says = Holding & Release;

const name = 'RejoinderSticky';
const version = 1;

/** The part of a cluster that assigning needs. */
type Topics = Pick<Cluster, 'findTopicPartitionMetadata'>;

/** says() is asked at every join. onCluster hands out the consumer's own cluster, which kafkajs gives to assigners alone. */
export function stickyAssigner(says: () => Says, onCluster: (cluster: Cluster) => void): (config: { cluster: Cluster }) => Assigner {
  return ({ cluster }) => {
    onCluster(cluster);
    return {
      name,
      version,
      protocol: ({ topics }) => ({
        name,
        metadata: AssignerProtocol.MemberMetadata.encode({ version, topics, userData: Buffer.from(JSON.stringify(says())) }),
      }),
      assign: async ({ members }) => assign(cluster, members),
    };
  };
}

/** The whole group's assignment, as its leader makes it. */
export function assign(cluster: Topics, members: GroupMember[]): GroupMemberAssignment[] {
  const known = members.map(({ memberId, memberMetadata }) => ({ memberId, ...decode(memberMetadata) }));
  const assigned = new Map(known.map(({ memberId }) => [memberId, {} as Record<string, number[]>]));
  const topics = [...new Set(known.flatMap((member) => member.topics))].toSorted();
  for (const topic of topics) {
    const partitions = cluster.findTopicPartitionMetadata(topic).map((one) => one.partitionId);
    const readers = known.filter((member) => member.topics.includes(topic));
    const inOrder = partitions.toSorted((a, b) => a - b);
    const holders = holdersOf(topic, readers);
    const newest = readers.toSorted((a, b) => b.says.startedAt - a.says.startedAt)[0]!.says.release;
    const fresh = readers.filter(({ says }) => says.release === newest).map(({ memberId }) => memberId);
    const all = readers.map(({ memberId }) => memberId);
    const shared = fresh.length < all.length ? handOver(inOrder, fresh, holders) : share(inOrder, all, holders, turnOf(topic));
    for (const [partition, memberId] of shared) (assigned.get(memberId)![topic] ??= []).push(partition);
  }
  return [...assigned].map(([memberId, assignment]) => ({
    memberId,
    memberAssignment: AssignerProtocol.MemberAssignment.encode({ version, assignment, userData: Buffer.alloc(0) }),
  }));
}

function holdersOf(topic: string, readers: { memberId: string; says: Holding }[]): Map<number, string> {
  const holders = new Map<number, string>();
  for (const { memberId, says } of readers.toSorted((a, b) => a.says.generation - b.says.generation)) {
    for (const partition of says.partitions[topic] ?? []) holders.set(partition, memberId);
  }
  return holders;
}

function decode(metadata: Buffer): { topics: string[]; says: Says } {
  const decoded = AssignerProtocol.MemberMetadata.decode(metadata);
  return { topics: decoded?.topics ?? [], says: parse(decoded?.userData) };
}

/** A member of another release may say it differently: then it holds nothing. */
function parse(userData: Buffer | undefined): Says {
  try {
    const { generation, partitions, release = '', startedAt = 0 } = JSON.parse(userData?.toString() ?? '') as Partial<Says>;
    if (typeof generation === 'number' && partitions) return { generation, partitions, release, startedAt };
  } catch {
    // Falls through to holding nothing.
  }
  return { generation: -1, partitions: {}, release: '', startedAt: 0 };
}
