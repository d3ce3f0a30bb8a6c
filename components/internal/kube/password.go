package kube

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/pulumi/pulumi-random/sdk/v4/go/random"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Password generates letters and digits, so that no shell, URL or configuration file needs
// to quote them: 190 bits. It is a secret, and another one with other keepers.
func Password(ctx *pulumi.Context, name string, keepers pulumi.StringMap, opts ...pulumi.ResourceOption) (secret pulumi.StringOutput, err error) {
	args := &random.RandomPasswordArgs{Length: pulumi.Int(32), Special: pulumi.Bool(false)}
	if len(keepers) > 0 {
		args.Keepers = keepers
	}
	made, err := random.NewRandomPassword(ctx, name, args, opts...)
	if err != nil {
		return secret, err
	}
	return pulumi.ToSecret(made.Result).(pulumi.StringOutput), nil
}

// Derived is a password of another one for one use: who knows it knows neither that one nor any other use's. It has 192 bits.
func Derived(of pulumi.StringInput, use string) pulumi.StringOutput {
	return of.ToStringOutput().ApplyT(func(key string) string {
		sum := hmac.New(sha256.New, []byte(key))
		sum.Write([]byte(use))
		return hex.EncodeToString(sum.Sum(nil)[:24])
	}).(pulumi.StringOutput)
}

// PasswordName is the resource with the password of a rotation. The first one has no number.
func PasswordName(owner string, rotation int) string {
	if rotation == 0 {
		return owner + "-password"
	}
	return fmt.Sprintf("%s-password-%d", owner, rotation)
}
