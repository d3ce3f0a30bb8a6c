// Package page is the lab's page: the product at work for somebody who prefers to
// look. It shows where the buckets live, moves, requests, the cache, events, pods and
// autoscalers, and lets a person register a user, start a bounded load, kill a pod and
// add a shard.
//
// It belongs to the lab and not to the service. What it shows and does needs the
// rights of the cluster's administrator, which no program that visitors reach may have.
//
//	state.go     what a browser gets, once a second
//	watch.go     one collector for all browsers
//	cluster.go   pods, autoscalers, the deployment, through Kubernetes' API
//	shards.go    buckets and moves, from the shards themselves
//	figures.go   counters, from the programs' own metrics
//	actions.go   what the buttons do
//	load.go      the bounded load
//	drain.go     waiting until a shard is empty
//	handler.go   HTTP
package page
