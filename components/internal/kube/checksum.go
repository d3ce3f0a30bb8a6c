package kube

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// ChecksumAnnotation on a pod template restarts its pods when what they only
// read at their start has changed.
const ChecksumAnnotation = "scalestack/checksum"

// Sum is the SHA-256 of the parts in hexadecimal. It includes the length of each part,
// so that moving a byte from one part to the next changes the sum.
func Sum(parts ...string) string {
	h := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// hashDigits of a sum are in a name: 32 bits.
const hashDigits = 8

// HashedName is the name of an object that changes with its content.
func HashedName(name, content string) string { return name + "-" + Sum(content)[:hashDigits] }

// Checksum is Sum over outputs. It is a secret when one of the parts is.
func Checksum(parts ...pulumi.StringInput) pulumi.StringOutput {
	inputs := make([]any, len(parts))
	for i, part := range parts {
		inputs[i] = part
	}
	return pulumi.All(inputs...).ApplyT(func(values []any) string {
		texts := make([]string, len(values))
		for i, value := range values {
			texts[i] = value.(string)
		}
		return Sum(texts...)
	}).(pulumi.StringOutput)
}
