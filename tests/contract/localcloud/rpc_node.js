// Calls ECS and SMC with the npm package @alicloud/pop-core: node rpc_node.js URL KEY SECRET JOB SOURCE
'use strict';
const { RPCClient } = require('@alicloud/pop-core');

const [url, accessKeyId, accessKeySecret, job, source] = process.argv.slice(2);

async function attempt(call) {
  try {
    return { answer: await call() };
  } catch (error) {
    return { code: error.code, message: error.message };
  }
}

async function main() {
  const made = (apiVersion) => new RPCClient({ accessKeyId, accessKeySecret, endpoint: url, apiVersion });
  const ecs = made('2014-05-26');
  const smc = made('2019-06-01');
  const region = { RegionId: 'cn-hangzhou' };
  const asked = (action, params, client = ecs) => attempt(() => client.request(action, { ...region, ...params }, { method: 'POST' }));
  const seen = {
    instances: await asked('DescribeInstances', { NeedSaleCycle: false }),
    disks: await asked('DescribeDisks', { InstanceId: 'i-centos' }),
    level: await asked('DescribeDisks', { PerformanceLevel: 'PL3' }),
    jobs: await asked('DescribeReplicationJobs', { 'JobId.1': job }, smc),
    sources: await asked('DescribeSourceServers', { 'SourceId.1': source }, smc),
    off: await asked('DeleteInstance', { InstanceId: 'i-none', ForceStop: false }),
    opened: await asked('OpenSnapshotService', { OwnerId: 1 }),
    status: await asked('DescribeInstances', { Status: 'running' }),
    diskType: await asked('DescribeDisks', { DiskType: 'System' }),
    jobStatus: await asked('DescribeReplicationJobs', { Status: 'Done' }, smc),
    misspelt: await asked('DescribeInstances', { Statuss: 'Running' }),
  };
  console.log(JSON.stringify(seen));
}

main();
