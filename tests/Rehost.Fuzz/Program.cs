using System.Text.Json;
using Rehost.Fuzz.Engine;
using Rehost.Fuzz.Targets;

namespace Rehost.Fuzz;

internal static class Program
{
    private const int Misused = 64;

    // What production threads have: deep recursion must show.
    private const int StackSize = 1 << 20;

    private static int Main(string[] arguments)
    {
        if (FuzzOptions.Parse(arguments) is not { } options)
        {
            Console.Error.WriteLine(FuzzOptions.Usage);
            return Misused;
        }

        if (options.IsList)
        {
            foreach (var target in KnownTargets.All)
            {
                Console.WriteLine($"{target.Name,-22} {string.Join(' ', target.Covers)}");
            }

            return 0;
        }

        var targets = options.Target == "all" ? KnownTargets.All : [.. KnownTargets.All.Where(one => options.Target.Split(',').Contains(one.Name))];
        if (targets.IsEmpty)
        {
            Console.Error.WriteLine($"there is no target {options.Target}; --list shows them");
            return Misused;
        }

        if (options.IsReport)
        {
            Console.Write(FuzzReport.Table(FuzzReport.Read(options.Corpus)));
            return 0;
        }

        if (options.Result is { } result)
        {
            return InThread(() => Work(targets[0], options, result));
        }

        if (options.Minimise is { } file)
        {
            return InThread(() => Minimise(targets[0], file));
        }

        return new Supervisor(options, targets).Run();
    }

    private static int InThread(Func<int> work)
    {
        var code = 0;
        var thread = new Thread(() => code = work(), StackSize);
        thread.Start();
        thread.Join();
        return code;
    }

    private static int Work(FuzzTarget target, FuzzOptions options, string result)
    {
        using var capture = new CaptureFile(result + ".input");
        using var watchdog = new Watchdog();
        var campaign = new Campaign(target, options.Seed, Path.Combine(options.Corpus, "findings"), Path.Combine(options.Corpus, "corpus"));
        var all = campaign.Run(TimeSpan.FromSeconds(options.Seconds), long.MaxValue, capture, watchdog, progress => Write(result, progress));
        Write(result, all);
        return 0;
    }

    private static void Write(string path, CampaignResult result)
    {
        File.WriteAllText(path + ".new", JsonSerializer.Serialize(result));
        File.Move(path + ".new", path, overwrite: true);
    }

    private static int Minimise(FuzzTarget target, string file)
    {
        using var executor = new Executor(target);
        var input = InputFile.Read(file);
        var buffer = new ImageBuffer();
        buffer.Replace((byte[])input.Clone());
        if (executor.Execute(buffer, 1).Fault is not { } fault)
        {
            Console.WriteLine("nothing is wrong with it");
            return 0;
        }

        Console.WriteLine(fault.Text);
        var smallest = new Minimiser(target, executor, 1).Minimise(input, fault.Key);
        var path = InputFile.Write(Path.GetDirectoryName(Path.GetFullPath(file)) ?? ".", InputFile.NameOf(fault.Key) + ".min", smallest);
        Console.WriteLine($"{input.Length} bytes became {smallest.Length}: {path}");
        return 1;
    }
}
