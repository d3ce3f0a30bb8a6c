package main

import (
	"github.com/scalestack/scalestack/policies/rule"
)

// rules returns every policy there is.
func rules() []rule.Rule {
	return []rule.Rule{
		podIsolation, podVolumes, podPrivileges, podUser, podKernel,
		containerResources, containerProbes, readOnlyRoot, imagePinned, imageDigest, plainSecret,
		defaultNamespace, namespaceRestricted, namesAndLabels, oneOwner, contentVisible, serviceExposure,
		autoscalerMinimum, autoscalerSingle, statefulSetFixed, volumesKept, dataRetained,
		selectorMatches, servicePort, budgetRequired, budgetSingle, budgetFloor,
		networkCovered, networkDenied, metricsPrivate, tokenUsed, rbacBindings, rbacRights,
		shardConnections, shardMap, shardsKept, spreadWithinShard, superuserLocal, shardsEncrypted, cacheEncrypted,
		kafkaReplication, kafkaSecretUnique, kafkaConsumers, kafkaKept,
		cachePrivate, pageRulesPrivate, oneRuleset, stableRules, tunnelClosed, gatewayClosed,
	}
}
