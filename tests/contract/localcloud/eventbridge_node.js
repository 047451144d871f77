// Calls EventBridge with the npm package @alicloud/eventbridge: node eventbridge_node.js HOST:PORT KEY SECRET BUS FUNCTION
'use strict';
const EB = require('@alicloud/eventbridge');

const [endpoint, accessKeyId, accessKeySecret, eventBusName, fc] = process.argv.slice(2);
const client = new EB.default(new EB.Config({ accessKeyId, accessKeySecret, endpoint, protocol: 'http', regionId: 'cn-hangzhou' }));

async function attempt(call) {
  try {
    return await call();
  } catch (error) {
    return { code: error.code, message: error.message };
  }
}

// Each case: one condition of a pattern, and the value that it is asked about.
const CASES = {
  anotherElement: [{ 'anything-but': 'a' }, ['a', 'b']],
  noOtherElement: [{ 'anything-but': 'a' }, ['a']],
  notNull: [{ 'anything-but': null }, 'a'],
  null: [{ 'anything-but': null }, null],
  notTrue: [{ 'anything-but': true }, false],
  emptyArray: [{ exists: true }, []],
  emptyObject: [{ exists: true }, {}],
  unequal: [{ numeric: ['!=', 5] }, 6],
  equal: [{ numeric: ['!=', 5] }, 5.00000001],
  address: [{ cidr: '10.0.0.1' }, '10.0.0.1'],
  otherAddress: [{ cidr: '10.0.0.1' }, '10.0.0.2'],
  prefixes: [{ prefix: ['a', 'b'] }, 'ab'],
  large: [{ numeric: ['<', 2000000000] }, 1],
};

async function patterns() {
  const seen = {};
  const event = { id: '1', source: 'app', type: 't', specversion: '1.0' };
  for (const [name, [condition, n]] of Object.entries(CASES)) {
    const asked = { event: JSON.stringify({ ...event, data: { n } }), eventPattern: JSON.stringify({ data: { n: [condition] } }) };
    const answer = await attempt(() => client.testEventPattern(new EB.TestEventPatternRequest(asked)));
    seen[name] = 'code' in answer ? answer.code : answer.result;
  }
  return seen;
}

async function rule(template) {
  const value = JSON.stringify({ there: '$.data.n', absent: '$.data.absent', none: '$.data.none' });
  const param = new EB.EBTargetParam({ resourceKey: 'Body', form: 'TEMPLATE', value, template });
  const target = new EB.TargetEntry({ id: '1', type: 'acs.fc.function', endpoint: fc, paramList: [param] });
  const asked = { eventBusName, ruleName: 'shaped', filterPattern: '{"type":["shaped"]}', targets: [target] };
  const made = await attempt(() => client.createRule(new EB.CreateRuleRequest(asked)));
  const shown = await attempt(() => client.getRule(new EB.GetRuleRequest({ eventBusName, ruleName: 'shaped' })));
  return { made: made.code || 'made', pattern: shown.filterPattern };
}

async function publish() {
  const data = Buffer.from(JSON.stringify({ n: 1, none: null }));
  const event = (fields) =>
    new EB.CloudEvent({ id: '1', source: 'app', specversion: '1.0', type: 'shaped', datacontenttype: 'application/json', data, extensions: { aliyuneventbusname: eventBusName }, ...fields });
  const answer = await attempt(() => client.putEvents([event({}), event({ id: '2', type: '' })]));
  return { failed: answer.failedEntryCount, codes: (answer.entryList || []).map((each) => each.errorCode || null), error: answer.code };
}

// As many or as large events as one call may have, and one more: the number of results, or the code of the refusal.
async function limits() {
  const event = (size) =>
    new EB.CloudEvent({ id: '1', source: 'app', specversion: '1.0', type: 'nobody', datacontenttype: 'application/json', data: Buffer.from(JSON.stringify('x'.repeat(size))), extensions: { aliyuneventbusname: eventBusName } });
  const told = async (number, size) => {
    const answer = await attempt(() => client.putEvents(Array(number).fill(event(size))));
    return answer.code || (answer.entryList || []).map((each) => each.errorCode || 'taken').filter((each, place, all) => all.indexOf(each) === place).join();
  };
  return { sixteen: await told(16, 1), seventeen: await told(17, 1), large: await told(1, 255 * 1024), tooLarge: await told(1, 256 * 1024), inAll: await told(4, 255 * 1024), tooLargeInAll: await told(5, 255 * 1024) };
}

(async () => {
  const seen = { patterns: await patterns() };
  seen.rule = await rule('${there} ${absent} ${none} ${undefined}');
  seen.published = await publish();
  seen.limits = await limits();
  console.log(JSON.stringify(seen));
})();
