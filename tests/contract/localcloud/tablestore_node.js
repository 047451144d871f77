// Every Tablestore operation through the Node.js client; prints what came back as one JSON document.
// Usage: NODE_PATH=<node_modules with tablestore 5.6.5> node tablestore_node.js ENDPOINT KEY_ID KEY_SECRET
const T = require("tablestore");

const [, , endpoint, accessKeyId, secretAccessKey] = process.argv;
const client = new T.Client({ accessKeyId, secretAccessKey, endpoint, instancename: "replank", maxRetries: 0 });
const ask = (operation, parameters) =>
  new Promise((resolve, reject) => client[operation](parameters, (error, data) => (error ? reject(error) : resolve(data))));
const long = (number) => T.Long.fromNumber(number);
const key = (g, u) => [{ g: typeof g === "number" ? long(g) : g }, { u }];
const ignore = new T.Condition(T.RowExistenceExpectation.IGNORE, null);
const must = new T.Condition(T.RowExistenceExpectation.EXPECT_EXIST, null);
const mustNot = new T.Condition(T.RowExistenceExpectation.EXPECT_NOT_EXIST, null);
const equals = new T.Condition(
  T.RowExistenceExpectation.EXPECT_EXIST,
  new T.SingleColumnCondition("c1", "v1", T.ComparatorType.EQUAL),
);
const get = (u, g = 1) => ask("getRow", { tableName: "n", primaryKey: key(g, u), maxVersions: 1 });
const put = (u, attributeColumns, more = {}) =>
  ask("putRow", { tableName: "n", condition: ignore, primaryKey: key(1, u), attributeColumns, ...more });
const index = { name: "by_c1", primaryKey: ["c1"], definedColumn: [] };

async function tables() {
  const definedColumn = [{ name: "c1", type: T.DefinedColumnType.DCT_STRING }];
  const primaryKey = [{ name: "g", type: "INTEGER" }, { name: "u", type: "STRING" }];
  await ask("createTable", {
    tableMeta: { tableName: "n", primaryKey, definedColumn },
    reservedThroughput: { capacityUnit: { read: 0, write: 0 } },
    tableOptions: { timeToLive: -1, maxVersions: 1 },
    indexMetas: [index],
  });
  return { described: await ask("describeTable", { tableName: "n" }) };
}

async function rows() {
  for (let i = 0; i < 5; i++) {
    await put("k" + i, [{ c1: "v" + i }, { i: long(i) }, { d: 1.5 }, { b: true }, { x: Buffer.from([0, 255]) }]);
  }
  const updateOfAttributeColumns = [{ PUT: [{ c4: long(4) }] }, { DELETE_ALL: ["d"] }, { INCREMENT: [{ i: long(10) }] }];
  await ask("updateRow", { tableName: "n", condition: equals, primaryKey: key(1, "k1"), updateOfAttributeColumns });
  return { updated: (await get("k1")).row };
}

async function ranges() {
  const all = { inclusiveStartPrimaryKey: key(T.INF_MIN, T.INF_MIN), exclusiveEndPrimaryKey: key(T.INF_MAX, T.INF_MAX) };
  const forward = { tableName: "n", direction: T.Direction.FORWARD, limit: 3, maxVersions: 1, ...all };
  const backward = {
    tableName: "by_c1",
    direction: T.Direction.BACKWARD,
    inclusiveStartPrimaryKey: [{ c1: T.INF_MAX }, ...key(T.INF_MAX, T.INF_MAX)],
    exclusiveEndPrimaryKey: [{ c1: T.INF_MIN }, ...key(T.INF_MIN, T.INF_MIN)],
    limit: 2,
    maxVersions: 1,
  };
  return { forward: await ask("getRange", forward), backward: await ask("getRange", backward) };
}

async function batches() {
  const write = { type: "PUT", condition: mustNot, primaryKey: key(2, "z"), attributeColumns: [{ q: "1" }] };
  const remove = { type: "DELETE", condition: must, primaryKey: key(9, "z") };
  await ask("batchWriteRow", { tables: [{ tableName: "n", rows: [write, remove] }] });
  const primaryKey = [key(2, "z"), key(1, "none")];
  return { batch: (await ask("batchGetRow", { tables: [{ tableName: "n", primaryKey, maxVersions: 1 }] })).tables[0] };
}

async function transaction() {
  const { transactionId } = await ask("startLocalTransaction", { tableName: "n", primaryKey: [{ g: long(1) }] });
  await put("t", [{ c1: "inside" }], { transactionId });
  const before = (await get("t")).row;
  await ask("commitTransaction", { transactionId });
  return { before, after: (await get("t")).row };
}

async function end() {
  await ask("updateTable", { tableName: "n", tableOptions: { maxVersions: 1 } });
  await ask("deleteRow", { tableName: "n", condition: must, primaryKey: key(1, "k1") });
  await ask("dropIndex", { mainTableName: "n", indexName: "by_c1" });
  await ask("createIndex", { mainTableName: "n", indexMeta: index, includeBaseData: true });
  await ask("deleteTable", { tableName: "n" });
  const error = await get("k1").then(() => null, (refused) => ({ code: refused.code, message: refused.message }));
  return { error };
}

(async () => {
  const seen = {};
  for (const part of [tables, rows, ranges, batches, transaction, end]) Object.assign(seen, await part());
  console.log(JSON.stringify(seen));
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
