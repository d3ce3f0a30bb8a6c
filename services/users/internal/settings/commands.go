// Package settings defines the settings of the user service's programs, which package
// sharding/settings reads from the environment.
package settings

import "github.com/scalestack/scalestack/sharding/settings"

// The commands that read settings.
var (
	ServeCommand      = settings.NewCommand("serve", func() *Serve { return &Serve{Tracing: Tracing{ServiceName: "users"}} })
	AskCommand        = settings.NewCommand("ask", func() *Ask { return &Ask{} })
	MigrateCommand    = settings.NewCommand("migrate", func() *Migrate { return &Migrate{} })
	RelayCommand      = settings.NewCommand("relay", func() *Relay { return &Relay{Worker: worker("relay")} })
	EmailCommand      = settings.NewCommand(EmailGroup, func() *Email { return &Email{Consumer: consumer(EmailGroup)} })
	AnalyticsCommand  = settings.NewCommand(AnalyticsGroup, func() *Analytics { return &Analytics{Consumer: consumer(AnalyticsGroup)} })
	InvalidateCommand = settings.NewCommand(InvalidateGroup, func() *Invalidate { return &Invalidate{Consumer: consumer(InvalidateGroup)} })
)

func worker(name string) Worker {
	return Worker{Kafka: Kafka{User: name}, Tracing: Tracing{ServiceName: name}}
}

func consumer(name string) Consumer { return Consumer{Worker: worker(name), Group: name} }

// All lists the settings of every command, by its name.
func All() map[string][]settings.Field {
	return map[string][]settings.Field{
		ServeCommand.Name: ServeCommand.Fields(), AskCommand.Name: AskCommand.Fields(), MigrateCommand.Name: MigrateCommand.Fields(),
		RelayCommand.Name: RelayCommand.Fields(), EmailCommand.Name: EmailCommand.Fields(),
		AnalyticsCommand.Name: AnalyticsCommand.Fields(), InvalidateCommand.Name: InvalidateCommand.Fields(),
	}
}
