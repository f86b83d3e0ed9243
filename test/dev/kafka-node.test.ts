/** A node's settings; that a node starts with them is shown by every integration test where there is no container engine. */
import { expect, test } from 'vitest';
import { launchNode, propertiesOf } from '../../src/dev/kafka-node.ts';

test('a node knows its ports, its log and the other controllers, and the plan goes before the usual settings', () => {
  const voters = ['1@127.0.0.1:7', '2@127.0.0.1:8', '3@127.0.0.1:9'];
  const settings = { 'offsets.topic.replication.factor': '3' };
  const plan = { id: 2, port: 5, controllerPort: 8, voters, logFolder: '/logs/2', settings };
  const lines = propertiesOf(plan, '/logs/2').split('\n');
  expect(lines).toEqual(
    expect.arrayContaining([
      'node.id=2',
      'controller.quorum.voters=1@127.0.0.1:7,2@127.0.0.1:8,3@127.0.0.1:9',
      'listeners=PLAINTEXT://127.0.0.1:5,CONTROLLER://127.0.0.1:8',
      'log.dirs=/logs/2',
      'offsets.topic.replication.factor=3',
      'auto.create.topics.enable=false',
    ]),
  );
  expect(lines).not.toContain('offsets.topic.replication.factor=1');
});

test('a login that a shell would read otherwise is refused before anything is started', async () => {
  const plan = { id: 1, port: 5, controllerPort: 6, voters: [], logFolder: null, settings: {} };
  const deps = { java: { path: '/nowhere/java', major: 17 }, jars: '/nowhere', env: {} };
  for (const logins of [{ "it's": 'word' }, { user: 'two words' }]) {
    await expect(launchNode(deps, { ...plan, logins })).rejects.toThrow('plain words');
  }
});
