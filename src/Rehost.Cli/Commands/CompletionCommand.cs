using System.CommandLine;

namespace Rehost.Cli.Commands;

/// <summary>rehost completion: scripts that ask rehost itself what fits, through System.CommandLine's [suggest] directive.</summary>
internal static class CompletionCommand
{
    private const string Bash = """
        _rehost() {
            local IFS=$'\n'
            COMPREPLY=( $(compgen -W "$("${COMP_WORDS[0]}" "[suggest:${COMP_POINT}]" "${COMP_LINE}" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}") )
            [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=( $(compgen -f -- "${COMP_WORDS[COMP_CWORD]}") )
        }
        complete -o filenames -F _rehost rehost
        """;

    private const string Zsh = """
        #compdef rehost
        _rehost() {
            local -a found
            found=("${(@f)$("${words[1]}" "[suggest:${CURSOR}]" "${BUFFER}" 2>/dev/null)}")
            compadd -a found
            _files
        }
        compdef _rehost rehost
        """;

    private const string Fish = """
        complete -c rehost -a '(rehost "[suggest:"(commandline -C)"]" (commandline -cp) 2>/dev/null)'
        """;

    public static Command Create()
    {
        var shell = new Argument<string>("shell") { Description = "bash, zsh or fish." };
        shell.AcceptOnlyFromAmong("bash", "zsh", "fish");
        var command = new Command("completion", "Prints a completion script for a shell.\n\nExamples:\n  source <(rehost completion bash)\n  rehost completion fish > ~/.config/fish/completions/rehost.fish");
        command.Arguments.Add(shell);
        command.SetAction(parsed => Console.Out.WriteLine(parsed.GetRequiredValue(shell) switch
        {
            "bash" => Bash,
            "zsh" => Zsh,
            _ => Fish,
        }));
        return command;
    }
}
