// Command plugin serves the components to programs in every language that Pulumi has:
// as a component plugin, which the engine starts and asks to construct a component.
// docs/other-languages.md says how a program uses it.
//
// It is written against Pulumi's SDK alone. The library for this (infer, of
// pulumi-go-provider) would compile the engine's packages with it, reads no field of an
// embedded struct, has no optional struct that is not a pointer, and ends at the first
// wrong value without saying where it is. What it would do, [settings.Package] and
// [settings.DecodeInputs] do with what the fields say already.
//
// schema.json follows from the Args of the components:
//
//	make schema-plugin
package main
