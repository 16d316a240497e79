using System.CommandLine;
using Rehost.Cli;
using Rehost.Cli.Commands;

var parsed = RehostCommand.Create(TimeProvider.System).Parse(args);
var exitCode = await parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromSeconds(20), EnableDefaultExceptionHandler = false });
return parsed.Errors.Count > 0 ? ExitCode.Usage : exitCode;
