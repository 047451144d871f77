// Sizes, pages and limits of Tablestore through the Node.js client; prints what came back as one JSON document.
// Usage: NODE_PATH=<node_modules with tablestore 5.6.5> node tablestore_limits_node.js ENDPOINT KEY_ID KEY_SECRET NOW_MS
'use strict';
const T = require('tablestore');

const [, , endpoint, accessKeyId, secretAccessKey, now] = process.argv;
const made = (instancename) => new T.Client({ accessKeyId, secretAccessKey, endpoint, instancename, maxRetries: 0 });
const client = made('replank');
const ask = (operation, parameters, by = client) =>
  new Promise((resolve, reject) => by[operation](parameters, (error, data) => (error ? reject(error) : resolve(data))));
const refused = (operation, parameters, by) =>
  ask(operation, parameters, by).then(
    () => 'taken',
    (error) => `${error.code} ${error.message}`,
  );
const long = (number) => T.Long.fromNumber(number);
const ignore = new T.Condition(T.RowExistenceExpectation.IGNORE, null);
const key = (g, u) => [{ g }, { u }];
const put = (u, attributeColumns, more = {}) => ({ tableName: 'n', condition: ignore, primaryKey: key('a', u), attributeColumns, ...more });
const capacity = { reservedThroughput: { capacityUnit: { read: 0, write: 0 } } };
const primaryKey = ['g', 'u'].map((name) => ({ name, type: 'STRING' }));
const definedColumn = [{ name: 'c', type: T.DefinedColumnType.DCT_STRING }, { name: 'd', type: T.DefinedColumnType.DCT_DOUBLE }];
const index = (name, column = 'c') => ({ name, primaryKey: [column], definedColumn: [] });
const table = (tableName, indexMetas, tableOptions = { timeToLive: -1, maxVersions: 1 }) => ({
  tableMeta: { tableName, primaryKey, definedColumn },
  ...capacity,
  tableOptions,
  indexMetas,
});
const ends = (g) => ({ inclusiveStartPrimaryKey: key(g, T.INF_MIN), exclusiveEndPrimaryKey: key(g, T.INF_MAX) });
const range = (g, more = {}) => ({ tableName: 'n', direction: T.Direction.FORWARD, maxVersions: 1, ...ends(g), ...more });
const unitsOf = (data) => data.consumed.capacityUnit;

async function sizes() {
  const units = unitsOf(await ask('putRow', put('u'.repeat(1000), [{ v: 'x'.repeat(3200) }]))).write;
  const { transactionId } = await ask('startLocalTransaction', { tableName: 'n', primaryKey: [{ g: 'a' }] });
  const large = [{ v: 'x'.repeat(2 * 1024 * 1024 - 300) }];
  await ask('putRow', put('1', large, { transactionId }));
  await ask('putRow', put('2', large, { transactionId }));
  const third = await refused('putRow', put('3', [{ v: 'y'.repeat(1000) }], { transactionId }));
  await ask('commitTransaction', { transactionId });
  const kept = await ask('getRange', range('a', { columnsToGet: ['none', 'g'] }));
  return { units, third, kept: kept.rows.map((row) => row.primaryKey[1].value.length) };
}

async function pages() {
  for (let i = 0; i < 6; i++) await ask('putRow', { ...put('b' + i, [{ v: 'x'.repeat(1000000) }]), primaryKey: key('p', 'b' + i) });
  await ask('putRow', { ...put('c', [{ v: 'wanted' }]), primaryKey: key('p', 'c') });
  const columnFilter = new T.SingleColumnCondition('v', 'wanted', T.ComparatorType.EQUAL);
  const found = [];
  for (let start = key('p', T.INF_MIN); start; ) {
    const page = await ask('getRange', range('p', { columnFilter, inclusiveStartPrimaryKey: start }));
    const next = page.nextStartPrimaryKey;
    found.push({ rows: page.rows.filter((row) => row.primaryKey).map((row) => row.primaryKey[1].value), read: unitsOf(page).read });
    start = next && key(next[0].value, next[1].value);
  }
  return { pages: found };
}

async function versions() {
  await ask('createTable', table('versions', [], { timeToLive: -1, maxVersions: 3 }));
  const columns = [1, 2, 3].map((step) => ({ v: 'v' + step, timestamp: Number(now) + step }));
  await ask('putRow', { ...put('1', columns), tableName: 'versions' });
  const read = () => ask('getRow', { tableName: 'versions', primaryKey: key('a', '1'), maxVersions: 9 });
  const shown = async () => ((await read()).row.attributes || []).map((each) => each.columnValue);
  const before = await shown();
  await ask('updateTable', { tableName: 'versions', tableOptions: { maxVersions: 1 } });
  return { before, after: await shown() };
}

async function limits() {
  const counter = { tableName: 'n', condition: ignore, primaryKey: key('k', '1') };
  const row = { tableName: 'n', primaryKey: key('a', '1') };
  const many = Array.from({ length: 129 }, (_, number) => 'c' + number);
  const six = Array.from({ length: 6 }, (_, number) => index('i' + number));
  const instance = 'a-name-that-is-too-long';
  const versions = { tableName: 'versions' };
  const tooMany = await Promise.all(Array.from({ length: 40 }, () => refused('describeTable', versions)));
  await new Promise((resolve) => setTimeout(resolve, 1100));
  return {
    tooMany: tooMany.filter((each) => each !== 'taken'),
    updateAgain: await refused('updateTable', { tableName: 'versions', tableOptions: { maxVersions: 2 } }),
    longIndexColumn: await refused('putRow', put('1', [{ c: 'x'.repeat(1025) }])),
    counterAndPut: await refused('updateRow', { ...counter, updateOfAttributeColumns: [{ PUT: [{ n: long(1) }] }, { INCREMENT: [{ n: long(1) }] }] }),
    counterAlone: await refused('updateRow', { ...counter, updateOfAttributeColumns: [{ PUT: [{ m: long(1) }] }, { INCREMENT: [{ n: long(1) }] }] }),
    columnsToGet: await refused('getRow', { ...row, maxVersions: 1, columnsToGet: many }),
    oneTimeAndVersions: await refused('getRow', { ...row, maxVersions: 1, timeRange: { specificTime: 1000 } }),
    indexes: await refused('createTable', table('six', six)),
    indexType: await refused('createTable', table('typed', [index('by_d', 'd')])),
    instance: await refused('listTable', {}, made(instance)),
  };
}

(async () => {
  await ask('createTable', table('n', [index('by_c')]));
  const seen = { search: await ask('listSearchIndex', { tableName: 'n' }) };
  for (const part of [sizes, pages, versions, limits]) Object.assign(seen, await part());
  console.log(JSON.stringify(seen));
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
