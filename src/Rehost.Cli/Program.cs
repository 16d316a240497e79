using System.CommandLine;
using Rehost.Cli;
using Rehost.Cli.Commands;

var parsed = RehostCommand.Create(TimeProvider.System).Parse(args);
using var signals = new StopSignals();
var exitCode = await parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null, EnableDefaultExceptionHandler = false }, signals.Token);
return parsed.Errors.Count > 0 ? ExitCode.Usage : exitCode;
