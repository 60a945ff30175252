# Tests beside the real peers: flanneld and the API server of Kubernetes.
.PHONY: cluster-tools test-cluster bench-cluster

cluster-tools: ## Build flanneld, kube-apiserver and kubectl from their Go modules, up to half an hour, to test beside
	@tools/cluster/build.sh

test-cluster: TESTS ?= cluster
test-cluster: all cluster-tools ## Run the tests beside flanneld and a real API server (root)
	@tools/setup.sh test-cluster
	WEFT_SETUP=test-cluster node tools/test.mjs spec $(TESTS)

bench-cluster: all ## Measure the agent with 5,000 hosts in etcd and Kubernetes, beside flanneld (root)
	@tools/setup.sh test
	node bench/cluster.mjs
