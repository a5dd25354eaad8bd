"""docs/examples/agent.py, as it stands, against a real warrend: it prints what agent.txt says, whatever runs the code."""

import unittest

from agent_example import expected_output, run_example
from warren_server import ServerTest


class Agent(ServerTest):
    flags = ("--default-template", "base", "--max-sandboxes", "20")
    maxDiff = None

    def tearDown(self):
        self.assertEqual(self.server.sandboxes(), [])

    def test_it_prints_what_its_page_says_each_time(self):
        for _ in range(2):
            self.assertEqual(run_example(self.server.environment), (0, expected_output(), ""))

    def test_a_step_that_fails_ends_it_and_leaves_nothing(self):
        code, printed, said = run_example(self.server.environment, ('with open("in/sales.csv") as file:',
                                                                    'with open("in/none.csv") as file:'))
        self.assertEqual(code, 1)
        self.assertTrue(expected_output().startswith(printed))
        self.assertIn("FileNotFoundError", said)

    def test_without_a_server_it_says_which_one_it_looked_for(self):
        address = f"unix://{self.server.directory}/nobody"
        code, printed, said = run_example({**self.server.environment, "WARREN_ADDRESS": address})
        self.assertEqual((code, printed), (1, ""))
        self.assertIn(f"no server answers at {address}", said)


if __name__ == "__main__":
    unittest.main()
