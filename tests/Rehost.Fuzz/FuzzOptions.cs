using System.Globalization;

namespace Rehost.Fuzz;

/// <summary>The command line.</summary>
internal sealed record FuzzOptions
{
    public string Target { get; private set; } = "all";

    /// <summary>Seconds of processor time for each target.</summary>
    public double Seconds { get; private set; } = 10;

    /// <summary>Minutes for each worker, shared among the targets by their weights; instead of <see cref="Seconds"/>.</summary>
    public double? Minutes { get; private set; }

    public int Workers { get; private set; } = 1;

    public int Seed { get; private set; } = 1;

    /// <summary>Where inputs that did something new, findings and totals are kept from run to run.</summary>
    public string Corpus { get; private set; } = "artifacts/fuzz";

    public string? Minimise { get; private set; }

    /// <summary>Where a worker leaves its result; such a process runs one target itself.</summary>
    public string? Result { get; private set; }

    public bool IsList { get; private set; }

    public bool IsReport { get; private set; }

    public static string Usage =>
        "usage: Rehost.Fuzz [--target NAME|all] [--seconds N per target | --minutes N in all] [--workers N] [--seed N] [--corpus DIR] [--minimise FILE] [--list] [--report]";

    /// <summary>Reads the arguments; null when they are not understood.</summary>
    public static FuzzOptions? Parse(IReadOnlyList<string> arguments)
    {
        var options = new FuzzOptions();
        for (var i = 0; i < arguments.Count; i++)
        {
            if (arguments[i] is "--list" or "--report")
            {
                options = options with { IsList = arguments[i] == "--list", IsReport = arguments[i] == "--report" };
                continue;
            }

            if (i + 1 >= arguments.Count || Take(options, arguments[i], arguments[i + 1]) is not { } taken)
            {
                return null;
            }

            options = taken;
            i++;
        }

        return options;
    }

    private static FuzzOptions? Take(FuzzOptions options, string name, string value) => name switch
    {
        "--target" => options with { Target = value },
        "--seconds" => options with { Seconds = Number(value) },
        "--minutes" => options with { Minutes = Number(value) },
        "--workers" => options with { Workers = Math.Max(1, (int)Number(value)) },
        "--seed" => options with { Seed = (int)Number(value) },
        "--corpus" => options with { Corpus = value },
        "--minimise" => options with { Minimise = value },
        "--result" => options with { Result = value },
        _ => null,
    };

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
