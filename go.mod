module github.com/scalestack/scalestack

go 1.26.0

require (
	github.com/pulumi/pulumi-cloudflare/sdk/v5 v5.49.1
	github.com/pulumi/pulumi-kubernetes/sdk/v4 v4.24.1
	github.com/pulumi/pulumi-random/sdk/v4 v4.18.4
	github.com/pulumi/pulumi/sdk/v3 v3.258.0
	github.com/stretchr/testify v1.12.1
	k8s.io/apimachinery v0.34.2
)
