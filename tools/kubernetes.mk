# Tests on a cluster of Kubernetes: a control plane and two nodes, on this machine.
.PHONY: kubernetes-tools test-kubernetes

kubernetes-tools: cluster-tools ## Build the kubelet and the rest of Kubernetes from Go modules, up to half an hour, to test with
	@tools/kubernetes/build.sh

test-kubernetes: TESTS ?= kubernetes/
test-kubernetes: all kubernetes-tools client-tools ## Run pods, services and restarts of nodes in a real cluster (root)
	@tools/setup.sh test-kubernetes
	WEFT_SETUP=test-kubernetes node tools/test.mjs spec $(TESTS)
