package secrets_test

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/secrets"
)

// The login at a mail server, whose password is a secret of the stack's configuration.
func Example() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		password, _ := ctx.GetConfig("shop:mailPassword")
		_, err := secrets.New(ctx, "logins", &secrets.Args{
			Namespace: pulumi.String("shop"),
			Data: map[string]map[string]pulumi.StringInput{
				"mail-login": {"username": pulumi.String("shop"), "password": pulumi.String(password)},
			},
		})
		return err
	})
}
