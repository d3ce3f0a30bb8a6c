package kube

import (
	"testing"

	"github.com/scalestack/scalestack/internal/check"
)

func TestImage(t *testing.T) {
	for value, want := range map[string]string{
		"postgres:16.2":               "",
		"registry.example:5000/a/b:1": "",
		"a/b@sha256:4aea012537edfad80f98d870a36e6b90b4c09b27be7f4b4759d72db863baeebb": "",
		"a/b@sha256:0123":                `image: "a/b@sha256:0123" is not an image such as name:1.2`,
		"!:1":                            `image: "!:1" is not an image such as name:1.2`,
		"Postgres:1":                     `image: "Postgres:1" is not an image such as name:1.2`,
		"":                               "image: is required",
		"postgres":                       `image: "postgres" names no version: give it a tag other than latest, or a digest`,
		"postgres:latest":                `image: "postgres:latest" names no version: give it a tag other than latest, or a digest`,
		"registry.example:5000/postgres": `image: "registry.example:5000/postgres" names no version: give it a tag other than latest, or a digest`,
		"post gres:1":                    `image: "post gres:1" is not an image such as name:1.2`,
	} {
		t.Run(value, func(t *testing.T) {
			var errs check.Errors
			Image(&errs, "image", value)
			requireErr(t, errs.Err(), want)
		})
	}
}

func TestPullPolicy(t *testing.T) {
	var errs check.Errors
	PullPolicy(&errs, "p", "Never")
	PullPolicy(&errs, "p", "Sometimes")
	requireErr(t, errs.Err(), `p: "Sometimes" is not one of IfNotPresent, Always, Never`)
}
