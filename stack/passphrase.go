package stack

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"go.yaml.in/yaml/v3"
)

// publicPassphrase is that of the lab's stack. It is in this repository.
const publicPassphrase = "scalestack-lab"

// checkPassphrase refuses to keep the passwords of a stack other than the lab's under a
// passphrase that everybody knows. The stack's file tells which passphrase it has, or
// the environment if that file is somewhere else.
func checkPassphrase(run pulumi.RunInfo) error {
	if run.Stack == labStack {
		return nil
	}
	public, err := publicSalt(filepath.Join(run.RootDirectory, "Pulumi."+run.Stack+".yaml"))
	if err != nil {
		return err
	}
	if public || publicEnvironment() {
		return fmt.Errorf("stack %s is encrypted with the public passphrase of stack %s, and nothing was changed. "+
			"Fix: pulumi stack change-secrets-provider, with a passphrase of its own or a key service", run.Stack, labStack)
	}
	return nil
}

func publicEnvironment() bool {
	if file := os.Getenv("PULUMI_CONFIG_PASSPHRASE_FILE"); file != "" {
		content, _ := os.ReadFile(file)
		return strings.TrimSpace(string(content)) == publicPassphrase
	}
	return os.Getenv("PULUMI_CONFIG_PASSPHRASE") == publicPassphrase
}

// publicSalt reports whether the public passphrase opens the file's salt. A stack
// without a file, or with another secrets provider, has no salt.
func publicSalt(file string) (bool, error) {
	content, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var stack struct {
		Salt string `yaml:"encryptionsalt"`
	}
	if err := yaml.Unmarshal(content, &stack); err != nil {
		return false, fmt.Errorf("%s: %w", file, err)
	}
	if stack.Salt == "" {
		return false, nil
	}
	return opens(publicPassphrase, stack.Salt)
}

// opens tries a passphrase on a salt such as v1:SALT:v1:NONCE:CIPHERTEXT.
func opens(passphrase, encoded string) (bool, error) {
	parts := strings.SplitN(encoded, ":", 3)
	if len(parts) != 3 || parts[0] != "v1" {
		return false, fmt.Errorf("encryptionsalt: Invalid value: %q: must have the form v1:SALT:TEXT", encoded)
	}
	salt, err := base64.StdEncoding.DecodeString(parts[1])
	if err != nil {
		return false, fmt.Errorf("encryptionsalt: %w", err)
	}
	_, err = config.NewSymmetricCrypterFromPassphrase(passphrase, salt).DecryptValue(context.Background(), parts[2])
	return err == nil, nil
}
